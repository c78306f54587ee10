internal import Crypto
internal import Foundation

/// 256 bits that the operating system made for one job, from which every draw that protects privacy comes.
///
/// Who knows it can take the noise off: it is kept in a file of mode 0600 and in memory, and nowhere else. Its description
/// does not show it.
public struct PrivacySecret: Sendable, Equatable, CustomStringConvertible, CustomReflectable {
    private let bytes: [UInt8]

    /// A new secret from the operating system's generator (`getrandom`).
    public init() {
        var generator = SystemRandomNumberGenerator()
        bytes = (0..<4).flatMap { _ in
            let word = generator.next()
            return (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(8 * $0)) }
        }
    }

    /// A secret from its 32 bytes.
    ///
    /// - Throws: ``PrivacyError`` `secret` for another number of bytes.
    public init(bytes: [UInt8]) throws(PrivacyError) {
        guard bytes.count == 32 else {
            throw PrivacyError(.secret, "privacy secret: found \(bytes.count) bytes, expected 32")
        }
        self.bytes = bytes
    }

    /// The 32 bytes, for the file that keeps them.
    public var rawBytes: [UInt8] { bytes }

    /// Never the bytes.
    public var description: String { "privacy secret" }

    /// Never the bytes.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The key stream for one purpose of one attempt of a round: the key is HMAC-SHA256 of (purpose, round, attempt) under
    /// the secret, so streams of different purposes, rounds or attempts are unrelated, and the same ones are equal after a
    /// restart.
    public func stream(purpose: String, round: Int, attempt: Int = 0) -> NoiseStream {
        var message = Array("tributary privacy 1".utf8)
        for number in [purpose.utf8.count, round, attempt] {
            message += (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        message += Array(purpose.utf8)
        let code = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: bytes))
        return NoiseStream(ChaCha20(key: Array(code)))
    }
}
