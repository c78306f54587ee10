internal import Crypto
internal import Foundation

/// Something to be recorded.
public struct AuditEvent: Sendable, Hashable {
    /// What happened.
    public var kind: AuditKind
    /// To whom or by whom: usually an identity's URI.
    public var subject: String
    /// More about it. Never secrets, keys or data.
    public var detail: [String: String]

    /// An event.
    public init(kind: AuditKind, subject: String, detail: [String: String] = [:]) {
        self.kind = kind
        self.subject = subject
        self.detail = detail
    }
}

/// One line of the audit log.
///
/// A line is a JSON object with the keys `sequence` (1, 2, …), `time` (UTC), `kind`, `subject`, `detail`, `previous`
/// (the hash of the line before, 64 zeros for the first) and at its end `hash`: the SHA-256 of the line without that
/// last member, that is of the bytes before `,"hash":"…"}` followed by `}`. So a line can be checked with `sha256sum`
/// alone, and changing, removing or reordering lines breaks the chain.
public struct AuditRecord: Sendable, Hashable, Codable {
    /// The number of the line, from 1.
    public var sequence: Int
    /// When, in UTC with milliseconds.
    public var time: String
    /// What happened.
    public var kind: AuditKind
    /// To whom or by whom.
    public var subject: String
    /// More about it.
    public var detail: [String: String]
    /// The hash of the line before.
    public var previous: String
    /// The hash of this line.
    public var hash: String

    static let firstPrevious = String(repeating: "0", count: 64)
    /// Longer values are cut.
    static let valueLimit = 2000
    /// No line is longer, in bytes.
    static let lineLimit = 64 << 10
    static let detailLimit = 16

    /// A line that follows `previous`, without its line end.
    static func line(_ event: AuditEvent, sequence: Int, time: Date, previous: String) -> (text: String, hash: String) {
        let detail = event.detail.sorted { $0.key < $1.key }.prefix(detailLimit)
            .map { "\(quoted($0.key)):\(quoted($0.value))" }.joined(separator: ",")
        let body =
            "{\"sequence\":\(sequence),\"time\":\"\(Timestamp.precise(time))\",\"kind\":\(quoted(event.kind.rawValue)),"
            + "\"subject\":\(quoted(event.subject)),\"detail\":{\(detail)},\"previous\":\"\(previous)\""
        let hash = digest(Array((body + "}").utf8))
        return ("\(body),\"hash\":\"\(hash)\"}", hash)
    }

    /// Reads a line and checks its own hash.
    ///
    /// - Throws: ``IdentityError`` `brokenLog` with what is wrong.
    init(verifying line: some Sequence<UInt8>) throws {
        let bytes = Array(line)
        guard bytes.count <= Self.lineLimit else {
            throw IdentityError(.brokenLog, "the line has \(bytes.count) bytes, more than \(Self.lineLimit)")
        }
        do {
            self = try JSONDecoder().decode(AuditRecord.self, from: Data(bytes))
        } catch {
            throw IdentityError(.brokenLog, "the line is not an audit record", cause: nil)
        }
        let tail = Array(",\"hash\":\"\(hash)\"}".utf8)
        guard bytes.count > tail.count, bytes.suffix(tail.count) == tail[...] else {
            throw IdentityError(.brokenLog, "the line does not end with its hash")
        }
        let found = Self.digest(Array(bytes.dropLast(tail.count)) + [UInt8(ascii: "}")])
        guard found == hash else {
            throw IdentityError(.brokenLog, "the line's content has the hash \(found), the line says \(hash)")
        }
    }

    private static func digest(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        return String(
            decoding: SHA256.hash(data: bytes).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self
        )
    }

    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars.prefix(valueLimit) {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1f}", "\u{7f}":
                let code = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
