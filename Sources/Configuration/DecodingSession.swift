/// One decoding: where values come from, and which keys were asked for.
///
/// Used by one thread during one call of `ConfigurationFile.decode`.
final class DecodingSession {
    let name: String
    let folder: String
    private let environmentPrefix: String?
    private let environment: [String: String]
    /// Names of the variables with the prefix that are not empty.
    private let environmentNames: [String]
    private var visited: [String: Visit] = [:]
    private(set) var usedVariables = 0

    private struct Visit {
        var mapping: ConfigurationNode.Mapping
        var path: [any CodingKey]
        var asked: Set<String> = []
        var isOpen = false
    }

    init(name: String, folder: String, environmentPrefix: String?, environment: [String: String]) {
        self.name = name
        self.folder = folder
        self.environmentPrefix = environmentPrefix
        self.environment = environment
        environmentNames =
            environmentPrefix.map { prefix in
                environment.filter { $0.key.hasPrefix(prefix + "_") && !$0.value.isEmpty }.keys.sorted()
            } ?? []
    }

    /// Decodes a value and gives every error its place.
    func decode<T: Decodable>(_ type: T.Type, from node: ConfigurationNode, path: [any CodingKey]) throws -> T {
        do {
            return try T(from: NodeDecoder(session: self, node: node, codingPath: path))
        } catch let error as ConfigurationError {
            throw error
        } catch let DecodingError.dataCorrupted(context) {
            throw failure(.invalidValue, node, path, context.debugDescription)
        } catch let error as DecodingError {
            throw failure(.wrongType, node, path, "\(error)")
        } catch {
            throw failure(.invalidValue, node, path, "\(error)")
        }
    }

    /// Notes that a map is read by key.
    func open(_ mapping: ConfigurationNode.Mapping, at path: [any CodingKey]) {
        let key = Self.dotted(path)
        if visited[key] == nil { visited[key] = Visit(mapping: mapping, path: path) }
    }

    /// Every key of the map is known: its reader lists them.
    func acceptAllKeys(at path: [any CodingKey]) {
        visited[Self.dotted(path)]?.isOpen = true
    }

    /// The value of a key, with the environment over the file.
    ///
    /// - Parameter isNested: Whether the key may hold a map, which variables below it bring into being.
    func find(
        _ key: any CodingKey, in mapping: ConfigurationNode.Mapping, at path: [any CodingKey], isNested: Bool
    ) throws -> ConfigurationNode? {
        visited[Self.dotted(path)]?.asked.insert(key.stringValue)
        let node = mapping[key.stringValue]?.value
        if case .override = node?.origin { return node }
        guard let variable = variable(for: path + [key]) else { return node }
        if let text = environment[variable], !text.isEmpty {
            usedVariables += 1
            return try NodeParser.value(text, origin: .environment(variable))
        }
        if node == nil || node?.isNull == true, isNested,
            environmentNames.contains(where: { $0.hasPrefix(variable + "_") })
        {
            return ConfigurationNode(value: .mapping(.init()), origin: .environment(variable + "_…"))
        }
        return node
    }

    /// Fails on the first keys that nothing asked for.
    func checkEveryKeyWasKnown() throws {
        var unknown: [(origin: ConfigurationNode.Origin, text: String)] = []
        for visit in visited.values where !visit.isOpen {
            for entry in visit.mapping.entries where !visit.asked.contains(entry.key) {
                // An overridden value of an unknown key is the override's fault.
                let origin =
                    if case .override = entry.value.origin { entry.value.origin } else { entry.origin }
                let path = Self.dotted(visit.path + [Name(entry.key)])
                let hint =
                    Suggestion.nearest(to: entry.key, among: visit.asked).map { "did you mean \"\($0)\"?" }
                    ?? (visit.asked.isEmpty
                        ? "no key is known here" : "known keys are \(visit.asked.sorted().joined(separator: ", "))")
                unknown.append((origin, "\(place(origin)): unknown key \"\(path)\"; \(hint)"))
            }
        }
        guard !unknown.isEmpty else { return }
        let sorted = unknown.sorted { Self.precedes($0.origin, $1.origin) }.prefix(10).map(\.text)
        throw ConfigurationError(code: .unknownKey, message: sorted.joined(separator: "\n"))
    }

    func missing(
        _ key: any CodingKey, in mapping: ConfigurationNode.Mapping, of node: ConfigurationNode,
        at path: [any CodingKey], expected: String
    ) -> ConfigurationError {
        let asked = visited[Self.dotted(path)]?.asked ?? []
        let unasked = mapping.entries.map(\.key).filter { !asked.contains($0) }
        var message =
            "\(place(node.origin)): \"\(Self.dotted(path + [key]))\" is missing, expected \(expected)"
        if let near = Suggestion.nearest(to: key.stringValue, among: unasked) {
            message += "; found \"\(near)\", which may be meant"
        } else if let variable = variable(for: path + [key]) {
            message += "; the environment variable \(variable) can give it too"
        }
        return ConfigurationError(code: .missingKey, message: message)
    }

    func failure(
        _ code: ConfigurationError.Code, _ node: ConfigurationNode, _ path: [any CodingKey], _ message: String
    ) -> ConfigurationError {
        let key = path.isEmpty ? "" : "\(Self.dotted(path)): "
        return ConfigurationError(code: code, message: "\(place(node.origin)): \(key)\(message)")
    }

    private func place(_ origin: ConfigurationNode.Origin) -> String {
        switch origin {
        case .file(let line, let column): "\(name):\(line):\(column)"
        case .environment(let variable): "environment variable \(variable)"
        case .override(let path): "override \(path)"
        }
    }

    private static func precedes(_ left: ConfigurationNode.Origin, _ right: ConfigurationNode.Origin) -> Bool {
        switch (left, right) {
        case (.file(let a, let b), .file(let c, let d)): (a, b) < (c, d)
        case (.file, _): true
        case (_, .file): false
        case (.environment(let a), .environment(let b)), (.override(let a), .override(let b)): a < b
        case (.environment, .override): true
        case (.override, .environment): false
        }
    }

    /// The name of the variable for a key path; nil without a prefix, and for list elements.
    private func variable(for path: [any CodingKey]) -> String? {
        guard let environmentPrefix, path.allSatisfy({ $0.intValue == nil }) else { return nil }
        return ([environmentPrefix] + path.map { Self.upperSnake($0.stringValue) }).joined(separator: "_")
    }

    /// `minimumFreeDisk` → `MINIMUM_FREE_DISK`, `selectBy` → `SELECT_BY`, `useTLSOnly` → `USE_TLS_ONLY`.
    static func upperSnake(_ key: String) -> String {
        let characters = Array(key)
        var result = ""
        for (index, character) in characters.enumerated() {
            if character.isUppercase, index > 0 {
                let afterLower = characters[index - 1].isLowercase || characters[index - 1].isNumber
                let beforeLower = index + 1 < characters.count && characters[index + 1].isLowercase
                if afterLower || (beforeLower && characters[index - 1].isUppercase) { result += "_" }
            }
            result += character.isLetter || character.isNumber ? character.uppercased() : "_"
        }
        return result
    }

    static func dotted(_ path: [any CodingKey]) -> String {
        path.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
    }
}

/// A key without a type of its own.
struct Name: CodingKey {
    var stringValue: String
    var intValue: Int?

    init(_ name: String) { stringValue = name }

    init(index: Int) {
        stringValue = String(index)
        intValue = index
    }

    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { self.init(index: intValue) }
}
