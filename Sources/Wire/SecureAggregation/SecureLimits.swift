internal import Privacy

/// The sizes that messages of secure aggregation may have. With all of them at their largest every message fits into
/// ``WireLimits/messageBytes``.
public enum SecureLimits {
    /// The most clients of a round: everybody's keys with their certificates are one message.
    public static let cohort = 500
    /// The largest certificate in DER. Those of `tributary provision` have about 550 bytes.
    public static let certificateBytes = 1500
    /// The largest signature: one of ECDSA over P-256 has at most 72 bytes.
    public static let signatureBytes = 256
    /// The largest sealed share: it has 93 bytes.
    public static let boxBytes = 256
    /// The size of a public key, a commitment, a share and a projection seed.
    public static let keyBytes = 32
    /// The random sums of one mask have at most so many bytes: with 499 neighbours 256 KB.
    public static let sumsBytes = RandomProjection.maximumCount * 4
}

/// Checks of the fields of messages of secure aggregation.
enum SecureCheck {
    static func bytes(_ count: Int, _ field: String, exactly wanted: Int = SecureLimits.keyBytes) throws {
        guard count == wanted else {
            throw WireError(.invalidMessage, "\(field): found \(count) bytes, expected \(wanted)")
        }
    }

    static func bytes(_ count: Int, _ field: String, atMost limit: Int) throws {
        guard (1...limit).contains(count) else {
            throw WireError(.tooLarge, "\(field): found \(count) bytes, expected 1 to \(limit)")
        }
    }

    static func clients(_ names: [String], _ field: String) throws {
        try FieldCheck.entries(names.count, field, atMost: SecureLimits.cohort)
        for name in names { _ = try FieldCheck.name(name, field) }
        guard Set(names).count == names.count else {
            throw WireError(.invalidMessage, "\(field): a client occurs twice")
        }
    }
}
