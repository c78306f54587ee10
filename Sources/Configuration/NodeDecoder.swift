/// A `Decoder` over a configuration tree.
struct NodeDecoder: Decoder {
    let session: DecodingSession
    let node: ConfigurationNode
    let codingPath: [any CodingKey]

    var userInfo: [CodingUserInfoKey: Any] {
        CodingUserInfoKey.configurationFolder.map { [$0: session.folder] } ?? [:]
    }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        switch node.value {
        case .mapping(let mapping):
            session.open(mapping, at: codingPath)
            return KeyedDecodingContainer(
                KeyedNodes(session: session, node: node, mapping: mapping, codingPath: codingPath))
        default:
            throw session.failure(.wrongType, node, codingPath, "found \(node.kind), expected a map")
        }
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .sequence(let elements) = node.value else {
            throw session.failure(.wrongType, node, codingPath, "found \(node.kind), expected a list")
        }
        return NodeSequence(session: session, node: node, elements: elements, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueDecodingContainer {
        SingleNode(session: session, node: node, codingPath: codingPath)
    }
}

extension CodingUserInfoKey {
    /// The folder that relative paths are relative to.
    static let configurationFolder = CodingUserInfoKey(rawValue: "tributary.configuration.folder")
}

extension DecodingSession {
    func scalar(_ node: ConfigurationNode, _ path: [any CodingKey], expected: String) throws -> Scalar {
        guard case .scalar(let scalar) = node.value, !scalar.isNull else {
            throw failure(.wrongType, node, path, "found \(node.kind), expected \(expected)")
        }
        return scalar
    }

    func bool(_ node: ConfigurationNode, _ path: [any CodingKey]) throws -> Bool {
        guard let value = try scalar(node, path, expected: "true or false").bool else {
            throw failure(.wrongType, node, path, "found \(node.kind), expected true or false")
        }
        return value
    }

    func string(_ node: ConfigurationNode, _ path: [any CodingKey]) throws -> String {
        try scalar(node, path, expected: "text").text
    }

    func double(_ node: ConfigurationNode, _ path: [any CodingKey]) throws -> Double {
        guard let value = try scalar(node, path, expected: "a number").number else {
            throw failure(.wrongType, node, path, "found \(node.kind), expected a number")
        }
        return value
    }

    func whole<T: FixedWidthInteger>(_ type: T.Type, _ node: ConfigurationNode, _ path: [any CodingKey]) throws -> T {
        let scalar = try scalar(node, path, expected: "a whole number")
        guard scalar.isWhole else {
            throw failure(.wrongType, node, path, "found \(node.kind), expected a whole number")
        }
        guard let value = scalar.whole(type) else {
            throw failure(
                .invalidValue, node, path, "found \(node.kind), expected one from \(T.min) to \(T.max)")
        }
        return value
    }
}

private struct SingleNode: SingleValueDecodingContainer {
    let session: DecodingSession
    let node: ConfigurationNode
    let codingPath: [any CodingKey]

    func decodeNil() -> Bool { node.isNull }
    func decode(_ type: Bool.Type) throws -> Bool { try session.bool(node, codingPath) }
    func decode(_ type: String.Type) throws -> String { try session.string(node, codingPath) }
    func decode(_ type: Double.Type) throws -> Double { try session.double(node, codingPath) }
    func decode(_ type: Float.Type) throws -> Float { Float(try session.double(node, codingPath)) }
    func decode(_ type: Int.Type) throws -> Int { try session.whole(type, node, codingPath) }
    func decode(_ type: Int8.Type) throws -> Int8 { try session.whole(type, node, codingPath) }
    func decode(_ type: Int16.Type) throws -> Int16 { try session.whole(type, node, codingPath) }
    func decode(_ type: Int32.Type) throws -> Int32 { try session.whole(type, node, codingPath) }
    func decode(_ type: Int64.Type) throws -> Int64 { try session.whole(type, node, codingPath) }
    func decode(_ type: UInt.Type) throws -> UInt { try session.whole(type, node, codingPath) }
    func decode(_ type: UInt8.Type) throws -> UInt8 { try session.whole(type, node, codingPath) }
    func decode(_ type: UInt16.Type) throws -> UInt16 { try session.whole(type, node, codingPath) }
    func decode(_ type: UInt32.Type) throws -> UInt32 { try session.whole(type, node, codingPath) }
    func decode(_ type: UInt64.Type) throws -> UInt64 { try session.whole(type, node, codingPath) }
    func decode<T: Decodable>(_ type: T.Type) throws -> T { try session.decode(type, from: node, path: codingPath) }
}

private struct NodeSequence: UnkeyedDecodingContainer {
    let session: DecodingSession
    let node: ConfigurationNode
    let elements: [ConfigurationNode]
    let codingPath: [any CodingKey]
    var currentIndex = 0

    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex >= elements.count }

    private func peek() throws -> (ConfigurationNode, [any CodingKey]) {
        guard !isAtEnd else {
            throw session.failure(
                .missingKey, node, codingPath, "found \(elements.count) elements, expected more")
        }
        return (elements[currentIndex], codingPath + [Name(index: currentIndex)])
    }

    mutating func decodeNil() throws -> Bool {
        guard try peek().0.isNull else { return false }
        currentIndex += 1
        return true
    }

    /// The decoder of the next element, which counts as taken once it was read.
    private func decoder() throws -> NodeDecoder {
        let (element, path) = try peek()
        return NodeDecoder(session: session, node: element, codingPath: path)
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let (element, path) = try peek()
        let value = try session.decode(type, from: element, path: path)
        currentIndex += 1
        return value
    }

    mutating func nestedContainer<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        let container = try decoder().container(keyedBy: type)
        currentIndex += 1
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try decoder().unkeyedContainer()
        currentIndex += 1
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let decoder = try decoder()
        currentIndex += 1
        return decoder
    }
}
