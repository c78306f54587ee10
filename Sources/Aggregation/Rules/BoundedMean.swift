/// The plain mean of updates that are scaled down to a norm where they are longer: Δ̄ = (1/m) Σₖ Δₖ min(1, B / ‖Δₖ‖).
///
/// Z. Sun, P. Kairouz, A. T. Suresh, H. B. McMahan, "Can you really backdoor federated learning?", 2019. One client moves
/// it by at most B/m: it bounds every round and does not leave anybody out.
public struct BoundedMean: UpdateRule {
    /// B, more than 0.
    public var bound: Double

    /// `norm-bounded-mean`.
    public let name = "norm-bounded-mean"
    /// 1.
    public let minimumUpdates = 1
    /// Norms.
    public let evidence = Evidence.norms

    /// The rule with its number.
    public init(bound: Double) {
        precondition(bound > 0, "a bound of more than nothing")
        self.bound = bound
    }

    /// None: the result moves with every hostile update, by a bounded step.
    public func tolerated(among updates: Int) -> Int { 0 }

    /// The weights.
    public func combination(of updates: UpdateEvidence) -> Combination {
        .linear(
            (0..<updates.count).map { update in
                let norm = updates.norm(update)
                return (norm > bound ? bound / norm : 1) / Double(updates.count)
            })
    }
}
