public import Foundation

/// The line codec of the trainer contract: one JSON object a line, at most 1 MiB.
public enum TrainerLine {
    /// The longest line without its end, in bytes.
    public static let maximumBytes = 1 << 20

    /// The request as one line with its line end.
    ///
    /// - Throws: `JobsError` with the code `invalidMessage` when it is too long or holds a number that JSON lacks.
    public static func encode(_ request: TrainerRequest) throws -> Data { try line(request) }

    /// The reply as one line with its line end.
    ///
    /// - Throws: `JobsError` with the code `invalidMessage` when it is too long or holds a number that JSON lacks.
    public static func encode(_ reply: TrainerReply) throws -> Data { try line(reply) }

    /// Reads one line, with or without its line end.
    ///
    /// - Throws: `JobsError` with the code `invalidMessage`.
    public static func decodeRequest(_ line: Data) throws -> TrainerRequest {
        try message(TrainerRequest.self, line)
    }

    /// Reads one line, with or without its line end.
    ///
    /// - Throws: `JobsError` with the code `invalidMessage`.
    public static func decodeReply(_ line: Data) throws -> TrainerReply {
        try message(TrainerReply.self, line)
    }

    static func kind<Kind: RawRepresentable<String>, Key: CodingKey>(
        _ type: Kind.Type, _ container: KeyedDecodingContainer<Key>, _ key: Key
    ) throws -> Kind {
        let name = try container.decode(String.self, forKey: key)
        guard let kind = Kind(rawValue: name) else {
            throw JobsError(code: .invalidMessage, message: "trainer message: unknown type \"\(name.prefix(64))\"")
        }
        return kind
    }

    private static func line(_ message: some Encodable) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var line: Data
        do {
            line = try encoder.encode(message)
        } catch {
            throw JobsError(
                code: .invalidMessage, message: "trainer message: cannot be written as JSON", cause: error)
        }
        try checkLength(line.count)
        line.append(UInt8(ascii: "\n"))
        return line
    }

    private static func message<Message: Decodable>(_ type: Message.Type, _ line: Data) throws -> Message {
        let hasEnd = line.last == UInt8(ascii: "\n")
        try checkLength(line.count - (hasEnd ? 1 : 0))
        do {
            return try JSONDecoder().decode(type, from: line)
        } catch let error as DecodingError {
            throw JobsError(
                code: .invalidMessage, message: "trainer message: \(DecodingProblem.describe(error))")
        }
    }

    static func checkLength(_ count: Int) throws {
        guard count <= maximumBytes else {
            throw JobsError(
                code: .invalidMessage,
                message: "trainer message: found a line of at least \(count) bytes, expected at most \(maximumBytes)"
            )
        }
    }
}

/// Cuts a byte stream into lines without ever holding more than one line of 1 MiB and the bytes just given.
public struct TrainerLineBuffer: Sendable {
    private var pending = Data()

    /// Creates an empty buffer.
    public init() {}

    /// Bytes of the unfinished line.
    public var pendingBytes: Int { pending.count }

    /// Takes the next bytes and returns the lines that are complete now, without their ends. Empty lines are skipped.
    ///
    /// - Throws: `JobsError` with the code `invalidMessage` when a line is longer than `TrainerLine.maximumBytes`.
    public mutating func append(_ bytes: Data) throws -> [Data] {
        var lines: [Data] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let tail = rest[rest.startIndex..<end]
            try TrainerLine.checkLength(pending.count + tail.count)
            var line = pending
            line.append(tail)
            pending = Data()
            rest = rest[rest.index(after: end)...]
            if !line.isEmpty { lines.append(line) }
        }
        try TrainerLine.checkLength(pending.count + rest.count)
        pending.append(rest)
        return lines
    }
}
