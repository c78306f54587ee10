/// Names, texts and digests that a peer sent, checked.
public enum PeerText {
    /// A text for people, safe for logs and terminals: control and direction characters become spaces, and it is cut to
    /// ``WireLimits/textBytes``.
    public static func clean(_ text: String) -> String { FieldCheck.text(text) }

    /// A stable word such as a refusal's code: letters, digits, `-` and `_`, at most 64 bytes; anything else gives
    /// `fallback`.
    public static func word(_ text: String, fallback: String) -> String {
        let isWord =
            (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                switch $0 {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: true
                default: false
                }
            }
        return isWord ? text : fallback
    }

    /// A SHA-256 of 64 lowercase hexadecimal digits.
    ///
    /// - Throws: ``WireError`` naming `field`.
    public static func digest(_ text: String, field: String) throws -> String { try FieldCheck.digest(text, field) }

    /// A name of 1 to ``WireLimits/nameBytes`` bytes without control characters.
    ///
    /// - Throws: ``WireError`` naming `field`.
    public static func name(_ text: String, field: String) throws -> String { try FieldCheck.name(text, field) }

    /// A count of at most ``WireLimits/count``.
    ///
    /// - Throws: ``WireError`` naming `field`.
    public static func count(_ value: UInt64, field: String) throws -> Int { try FieldCheck.count(value, field) }

    /// Figures for people: at most ``WireLimits/figures`` finite ones under proper names; the others are left out.
    public static func figures(_ map: [String: Double]) -> [String: Double] {
        guard map.count <= WireLimits.figures else { return [:] }
        return map.filter { $0.value.isFinite && (try? FieldCheck.name($0.key, "figure")) != nil }
    }
}
