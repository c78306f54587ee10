/// Files that are so small that they travel in a message of the session: without a slot, a call and its headers, which cost
/// several times what the bytes do.
///
/// Here alone it is decided which those are. Only the size counts: what a file holds (an encoded update, one with noise or
/// masks, one of an asynchronous job, the auxiliary tensors of a strategy) is the same on either way.
public enum InlineTransfer {
    /// Its name in `Hello.features` and `Welcome.features`.
    public static let feature = "inline-transfers"

    /// Whether a peer takes files in session messages.
    ///
    /// - Parameter features: what the peer's hello or welcome names.
    public static func isUnderstood(_ features: [String]) -> Bool { features.contains(feature) }

    /// Whether a file of so many bytes is small enough.
    public static func fits(_ bytes: Int64) -> Bool { (1...Int64(WireLimits.inlineBytes)).contains(bytes) }
}
