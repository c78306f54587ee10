/// Updates count as far as they point where a trusted one does, and none is longer than it:
/// Δ̄ = Σₖ max(0, cos(Δₖ, Δ₀)) (‖Δ₀‖ / ‖Δₖ‖) Δₖ / Σₖ max(0, cos(Δₖ, Δ₀)).
///
/// X. Cao, M. Fang, J. Liu, N. Z. Gong, "FLTrust: Byzantine-robust federated learning via trust bootstrapping", NDSS 2021.
/// There the server trains Δ₀ on a small clean data set. This coordinator holds no data and runs no model code, so Δ₀ is
/// the update of one named client, the one that holds the clean data; it takes part with a cosine of 1. It withstands any
/// number of the others being hostile.
public struct TrustedReference: UpdateRule {
    /// The client whose update is Δ₀.
    public var trusted: String

    /// `fltrust`.
    public let name = "fltrust"
    /// 1.
    public let minimumUpdates = 1
    /// Cosines and norms.
    public let evidence = Evidence.products

    /// The rule with its client.
    public init(trusted: String) { self.trusted = trusted }

    /// All but one.
    public func tolerated(among updates: Int) -> Int { max(0, updates - 1) }

    /// The weights.
    ///
    /// - Throws: ``AggregationError`` `missingReference` when the trusted client has no update in the round.
    public func combination(of updates: UpdateEvidence) throws -> Combination {
        guard let reference = updates.clients.firstIndex(of: trusted) else {
            throw AggregationError(
                .missingReference, "the rule \(name) needs the update of client '\(trusted)', which is not there")
        }
        let norm = updates.norm(reference)
        let scores = (0..<updates.count).map { max(0, updates.cosine($0, reference)) }
        let total = scores.reduce(0, +)
        // A reference of zero moves nothing.
        guard total > 0 else { return .linear(scores) }
        return .linear(
            scores.enumerated().map { update, score in
                score > 0 ? score / total * norm / updates.norm(update) : 0
            })
    }
}
