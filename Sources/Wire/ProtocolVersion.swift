/// The protocol version and how both sides agree on one.
public enum ProtocolVersion {
    /// The newest version that this code speaks.
    public static let current = 1
    /// The oldest version that this code speaks.
    public static let oldest = 1
    /// Names of the optional features of this code, sent in `Hello` and `Welcome`.
    public static let features = ["secure-aggregation", secureCheck, maskedNorm, crossSite, InlineTransfer.feature]
    /// The feature of a client that answers `SecureRequest.check`.
    public static let secureCheck = "secure-check"
    /// The feature of a client that answers a projection seed.
    public static let maskedNorm = "masked-norm"
    /// The feature of a client whose site can decline to have its own model shown to others.
    public static let crossSite = "cross-site"

    /// The version that both sides speak: the lower of the two newest.
    ///
    /// - Throws: ``WireError`` (`incompatibleVersion`) when the peer's newest is older than our oldest.
    public static func negotiated(with peer: Int) throws -> Int {
        let version = min(peer, current)
        guard version >= oldest else {
            throw WireError(
                .incompatibleVersion,
                "protocol version: the peer speaks up to \(peer), this side \(oldest) to \(current)")
        }
        return version
    }
}
