/// A map of a configuration as a type reads it, key by key.
struct KeyedNodes<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let session: DecodingSession
    let node: ConfigurationNode
    let mapping: ConfigurationNode.Mapping
    let codingPath: [any CodingKey]

    /// Every key of the map; asking for them makes all of them known.
    var allKeys: [Key] {
        session.acceptAllKeys(at: codingPath)
        return mapping.entries.compactMap { Key(stringValue: $0.key) }
    }

    func contains(_ key: Key) -> Bool {
        // A malformed variable is reported by the decode that follows.
        guard let found = try? session.find(key, in: mapping, at: codingPath, isNested: false) else { return false }
        return !found.isNull
    }

    func decodeNil(forKey key: Key) throws -> Bool {
        try session.find(key, in: mapping, at: codingPath, isNested: false)?.isNull ?? true
    }

    private func required(_ key: Key, _ expected: String, isNested: Bool = false) throws -> ConfigurationNode {
        guard let found = try session.find(key, in: mapping, at: codingPath, isNested: isNested) else {
            throw session.missing(key, in: mapping, of: node, at: codingPath, expected: expected)
        }
        return found
    }

    private func whole<T: FixedWidthInteger>(_ type: T.Type, _ key: Key) throws -> T {
        try session.whole(type, required(key, "a whole number"), codingPath + [key])
    }

    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool {
        try session.bool(required(key, "true or false"), codingPath + [key])
    }

    func decode(_ type: String.Type, forKey key: Key) throws -> String {
        try session.string(required(key, "text"), codingPath + [key])
    }

    func decode(_ type: Double.Type, forKey key: Key) throws -> Double {
        try session.double(required(key, "a number"), codingPath + [key])
    }

    func decode(_ type: Float.Type, forKey key: Key) throws -> Float {
        Float(try session.double(required(key, "a number"), codingPath + [key]))
    }

    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try whole(type, key) }
    func decode(_ type: Int8.Type, forKey key: Key) throws -> Int8 { try whole(type, key) }
    func decode(_ type: Int16.Type, forKey key: Key) throws -> Int16 { try whole(type, key) }
    func decode(_ type: Int32.Type, forKey key: Key) throws -> Int32 { try whole(type, key) }
    func decode(_ type: Int64.Type, forKey key: Key) throws -> Int64 { try whole(type, key) }
    func decode(_ type: UInt.Type, forKey key: Key) throws -> UInt { try whole(type, key) }
    func decode(_ type: UInt8.Type, forKey key: Key) throws -> UInt8 { try whole(type, key) }
    func decode(_ type: UInt16.Type, forKey key: Key) throws -> UInt16 { try whole(type, key) }
    func decode(_ type: UInt32.Type, forKey key: Key) throws -> UInt32 { try whole(type, key) }
    func decode(_ type: UInt64.Type, forKey key: Key) throws -> UInt64 { try whole(type, key) }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
        let found = try required(key, "a value", isNested: true)
        return try session.decode(type, from: found, path: codingPath + [key])
    }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? {
        guard let found = try session.find(key, in: mapping, at: codingPath, isNested: true), !found.isNull else {
            return nil
        }
        let before = session.usedVariables
        do {
            return try session.decode(type, from: found, path: codingPath + [key])
        } catch {
            // A map made up for variables that turned out to mean nothing here was not there at all.
            if mapping[key.stringValue] == nil, case .mapping(let made) = found.value, made.entries.isEmpty,
                case .environment = found.origin, session.usedVariables == before
            {
                return nil
            }
            throw error
        }
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try superDecoder(forKey: key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try superDecoder(forKey: key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder {
        NodeDecoder(session: session, node: node, codingPath: codingPath)
    }

    func superDecoder(forKey key: Key) throws -> any Decoder {
        let found = try required(key, "a value", isNested: true)
        return NodeDecoder(session: session, node: found, codingPath: codingPath + [key])
    }
}
