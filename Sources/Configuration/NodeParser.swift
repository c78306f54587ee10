import Yams

/// Turns YAML text into a tree of nodes that remember their places.
struct NodeParser {
    /// What stands for the file in errors.
    var name: String

    /// How deep maps and lists may nest.
    static let maximumDepth = 64

    func parse(_ text: String) throws -> ConfigurationNode {
        try refuseManyAliases(text)
        let empty = ConfigurationNode(value: .mapping(.init()), origin: .file(line: 1, column: 1))
        do {
            let parser = try Parser(yaml: text, resolver: .basic, encoding: .utf8)
            guard let root = try parser.singleRoot() else { return empty }
            // The parser keeps anchors alive: nodes only refer to them weakly.
            let node = try withExtendedLifetime(parser) { try convert(root, depth: 0) }
            return node.isNull ? empty : node
        } catch let error as YamlError {
            throw syntax(error)
        }
    }

    /// The value of an environment variable or override: a plain scalar, or YAML when it starts with a bracket, a brace
    /// or a quotation mark.
    static func value(_ text: String, origin: ConfigurationNode.Origin) throws -> ConfigurationNode {
        guard let first = text.first, "[{\"'".contains(first) else {
            return ConfigurationNode(value: .scalar(Scalar(text: text, isPlain: true)), origin: origin)
        }
        let source =
            switch origin {
            case .environment(let name): "environment variable \(name)"
            case .override(let name): "override \(name)"
            case .file: "value"
            }
        return try NodeParser(name: source).parse(text).relocated(to: origin)
    }

    /// Aliases are refused where they are found below, but a map's keys are compared before that, and comparing keys that
    /// nest aliases takes exponential time. With at most 24 aliases it takes at most 3^8 steps.
    private func refuseManyAliases(_ text: String) throws {
        var aliases = 0
        var hasAnchor = false
        var previous: UInt8 = 0
        for byte in text.utf8 {
            let isName =
                byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_") || byte >= 0x80
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            if isName, previous == UInt8(ascii: "*") { aliases += 1 }
            if isName, previous == UInt8(ascii: "&") { hasAnchor = true }
            previous = byte
        }
        if hasAnchor, aliases > 24 {
            throw ConfigurationError(code: .syntax, message: "\(name): anchors and aliases (& and *) are not supported")
        }
    }

    private func convert(_ node: Node, depth: Int) throws -> ConfigurationNode {
        let mark = (line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        let origin = ConfigurationNode.Origin.file(line: mark.line, column: mark.column)
        func failure(_ message: String) -> ConfigurationError {
            ConfigurationError(code: .syntax, message: "\(name):\(mark.line):\(mark.column): \(message)")
        }
        // An aliased node is a copy of its anchored one and comes after it, so this stops before any expansion.
        guard node.anchor == nil else { throw failure("anchors and aliases (& and *) are not supported") }
        guard depth < Self.maximumDepth else {
            throw failure("maps and lists nest deeper than \(Self.maximumDepth) levels")
        }
        switch node {
        case .scalar(let scalar):
            let tag = scalar.tag.description
            let isText = tag == Tag.Name.str.rawValue
            guard isText || tag == Tag.Name.implicit.rawValue else {
                throw failure("the tag \(tag) is not supported")
            }
            let isPlain = !isText && (scalar.style == .plain || scalar.style == .any)
            return ConfigurationNode(
                value: .scalar(Scalar(text: scalar.string, isPlain: isPlain)), origin: origin)
        case .sequence(let sequence):
            return ConfigurationNode(
                value: .sequence(try sequence.map { try convert($0, depth: depth + 1) }), origin: origin)
        case .mapping(let mapping):
            var result = ConfigurationNode.Mapping()
            for (key, value) in mapping {
                guard case .scalar(let scalar) = key, key.anchor == nil else {
                    throw failure("expected a plain key, found a list, a map or an anchor")
                }
                let place = key.mark.map { (line: $0.line, column: $0.column) } ?? mark
                guard result[scalar.string] == nil else {
                    throw failure("the key \"\(scalar.string)\" stands twice")
                }
                result.set(
                    .init(
                        key: scalar.string, origin: .file(line: place.line, column: place.column),
                        value: try convert(value, depth: depth + 1)
                    )
                )
            }
            return ConfigurationNode(value: .mapping(result), origin: origin)
        case .alias:
            throw failure("aliases (*) are not supported")
        }
    }

    private func syntax(_ error: YamlError) -> ConfigurationError {
        let (place, problem): (String, String) =
            switch error {
            case .scanner(let context, let problem, let mark, _),
                .parser(let context, let problem, let mark, _),
                .composer(let context, let problem, let mark, _):
                ("\(name):\(mark.line):\(mark.column)", (context.map { "\($0.text): " } ?? "") + problem)
            case .duplicatedKeysInMapping(let keys, let context):
                (
                    "\(name):\(context.mark.line):\(context.mark.column)",
                    "the key \"\(keys.joined(separator: "\", \""))\" stands twice"
                )
            case .reader(let problem, let offset, _, let text):
                (offset.map { "\(name):\(Self.place(of: $0, in: text))" } ?? name, problem)
            default: (name, "\(error)")
            }
        return ConfigurationError(code: .syntax, message: "\(place): \(problem)")
    }

    private static func place(of offset: Int, in text: String) -> String {
        let before = text.prefix(offset)
        let line = before.count(where: \.isNewline) + 1
        let column = before.reversed().prefix { !$0.isNewline }.count + 1
        return "\(line):\(column)"
    }
}

extension ConfigurationNode {
    /// The tree with every place replaced.
    func relocated(to origin: Origin) -> ConfigurationNode {
        var copy = self
        copy.origin = origin
        switch value {
        case .scalar: break
        case .sequence(let elements): copy.value = .sequence(elements.map { $0.relocated(to: origin) })
        case .mapping(let mapping):
            var moved = Mapping()
            for entry in mapping.entries {
                moved.set(.init(key: entry.key, origin: origin, value: entry.value.relocated(to: origin)))
            }
            copy.value = .mapping(moved)
        }
        return copy
    }
}
