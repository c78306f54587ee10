/// Why a round is not released, and whom the next attempt leaves out: what a check of the lengths of masked updates found.
public struct NormFinding: Sendable, Hashable {
    /// What was found.
    public enum Kind: String, Sendable, Hashable {
        /// By its own answers its update is too long.
        case length
        /// It contradicts more than half of its neighbours, at least two.
        case contradiction
        /// It and a neighbour contradict each other: one of the two, or both, is wrong.
        case suspicion
        /// Its update is too long by its neighbours' answers, and it gave none itself.
        case silence

        /// Whether it is certain that the client is at fault, if fewer than half of its neighbours are.
        public var isProof: Bool { self == .length || self == .contradiction }
    }

    /// The client.
    public var client: String
    /// What was found.
    public var kind: Kind
    /// In a sentence.
    public var reason: String
}
