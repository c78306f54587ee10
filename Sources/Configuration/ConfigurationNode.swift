/// One value of a configuration with the place it came from.
struct ConfigurationNode: Sendable {
    /// Where a value came from.
    enum Origin: Sendable, Hashable {
        case file(line: Int, column: Int)
        case environment(String)
        case override(String)
    }

    /// A map in the file's order.
    struct Mapping: Sendable {
        struct Entry: Sendable {
            var key: String
            var origin: Origin
            var value: ConfigurationNode
        }

        private(set) var entries: [Entry] = []
        private var indices: [String: Int] = [:]

        subscript(key: String) -> Entry? { indices[key].map { entries[$0] } }

        /// Adds the entry, or replaces the one of that key.
        mutating func set(_ entry: Entry) {
            if let index = indices[entry.key] {
                entries[index] = entry
            } else {
                indices[entry.key] = entries.count
                entries.append(entry)
            }
        }
    }

    enum Value: Sendable {
        case scalar(Scalar)
        case mapping(Mapping)
        case sequence([ConfigurationNode])
    }

    var value: Value
    var origin: Origin

    /// What the value is, for messages.
    var kind: String {
        switch value {
        case .scalar(let scalar): scalar.summary
        case .mapping: "a map"
        case .sequence: "a list"
        }
    }

    var isNull: Bool {
        if case .scalar(let scalar) = value { scalar.isNull } else { false }
    }

    /// The tree with the value at the dotted path set; missing maps on the way are made.
    func replacing(_ path: ArraySlice<Substring>, with new: ConfigurationNode) throws -> ConfigurationNode {
        guard let first = path.first else { return new }
        guard case .override(let name) = new.origin else { return new }
        func failure(_ message: String) -> ConfigurationError {
            ConfigurationError(code: .invalidValue, message: "override \(name): \(message)")
        }
        guard !first.isEmpty else { throw failure("expected names separated by single dots") }
        var copy = self
        switch value {
        case .mapping(var mapping):
            let child =
                mapping[String(first)]?.value
                ?? ConfigurationNode(value: .mapping(Mapping()), origin: new.origin)
            let value = try child.replacing(path.dropFirst(), with: new)
            mapping.set(.init(key: String(first), origin: mapping[String(first)]?.origin ?? new.origin, value: value))
            copy.value = .mapping(mapping)
        case .sequence(var elements):
            guard let index = Int(first), elements.indices.contains(index) else {
                throw failure("expected an index from 0 to \(elements.count - 1) in the list, found \"\(first)\"")
            }
            elements[index] = try elements[index].replacing(path.dropFirst(), with: new)
            copy.value = .sequence(elements)
        case .scalar(let scalar):
            guard scalar.isNull else { throw failure("\"\(first)\" lies under \(kind), which is not a map") }
            copy.value = .mapping(Mapping())
            return try copy.replacing(path, with: new)
        }
        return copy
    }
}

/// A scalar of YAML 1.2's core schema.
struct Scalar: Sendable {
    var text: String
    /// Whether it stood without quotes, so that it may be something else than text.
    var isPlain: Bool

    var isNull: Bool { isPlain && ["", "~", "null", "Null", "NULL"].contains(text) }

    var bool: Bool? {
        guard isPlain else { return nil }
        switch text {
        case "true", "True", "TRUE": return true
        case "false", "False", "FALSE": return false
        default: return nil
        }
    }

    /// Whether it is written as a whole number: decimal, or hexadecimal or octal with `0x` or `0o`.
    var isWhole: Bool {
        guard isPlain else { return false }
        let digits = text.drop { $0 == "-" || $0 == "+" }
        guard text.count - digits.count <= 1 else { return false }
        if digits.hasPrefix("0x") { return digits.count > 2 && digits.dropFirst(2).allSatisfy(\.isASCIIHexDigit) }
        if digits.hasPrefix("0o") {
            return digits.count > 2 && digits.dropFirst(2).allSatisfy { "01234567".contains($0) }
        }
        return !digits.isEmpty && digits.allSatisfy(\.isASCIIDigit)
    }

    func whole<T: FixedWidthInteger>(_ type: T.Type) -> T? {
        guard isWhole else { return nil }
        let sign = text.hasPrefix("-") ? "-" : ""
        let digits = text.drop { $0 == "-" || $0 == "+" }
        if digits.hasPrefix("0x") { return T(sign + digits.dropFirst(2), radix: 16) }
        if digits.hasPrefix("0o") { return T(sign + digits.dropFirst(2), radix: 8) }
        return T(sign + digits, radix: 10)
    }

    var number: Double? {
        guard isPlain else { return nil }
        switch text {
        case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .infinity
        case "-.inf", "-.Inf", "-.INF": return -.infinity
        case ".nan", ".NaN", ".NAN": return .nan
        default: break
        }
        if isWhole, let value = whole(Int64.self) { return Double(value) }
        guard text.contains(where: \.isASCIIDigit),
            text.allSatisfy({ $0.isASCIIDigit || "+-.eE".contains($0) })
        else { return nil }
        return Double(text)
    }

    var summary: String {
        if isNull { return "nothing" }
        let shown = text.count > 60 ? text.prefix(60) + "…" : text[...]
        if bool != nil { return "\(shown)" }
        if isWhole { return "the whole number \(shown)" }
        if number != nil { return "the number \(shown)" }
        return "the text \"\(shown)\""
    }
}

extension Character {
    fileprivate var isASCIIDigit: Bool { isASCII && isWholeNumber }
    fileprivate var isASCIIHexDigit: Bool { isASCII && isHexDigit }
}
