import Randomness

/// Who may be drawn for one cohort, and what is known of each.
struct CandidatePool {
    /// The names in order.
    let names: [String]
    /// The training examples of each, as declared; at least 1.
    let examples: [Int]
    /// What committed rounds have shown of each.
    let known: [SelectionHistory.Entry]
    /// The round, from 0.
    let round: Int

    /// Places of the `count` smallest keys −ln u / w, the smallest first: a sample without replacement in which every next
    /// one is drawn with probability proportional to its weight.
    ///
    /// P. S. Efraimidis, P. G. Spirakis, "Weighted random sampling with a reservoir", Information Processing Letters 97
    /// (2006), with the keys u^(1/w) on a logarithmic scale. One uniform number is drawn for each place, in order; equal
    /// keys go by place. Weights below 10⁻¹² of the largest count as that much; without any above 0 all are equal.
    ///
    /// - Complexity: O(n log n).
    static func weightedOrder(
        _ weights: [Double], count: Int, _ stream: inout RandomStream
    ) -> [Int] {
        let largest = weights.max() ?? 0
        let least = largest > 0 ? largest * 1e-12 : 1
        var keys: [(key: Double, place: Int)] = []
        keys.reserveCapacity(weights.count)
        for (place, weight) in weights.enumerated() {
            // 1 − u is in (0, 1]: the logarithm is finite.
            keys.append((-logarithm(1 - stream.uniform()) / max(weight, least), place))
        }
        keys.sort { ($0.key, $0.place) < ($1.key, $1.place) }
        return keys.prefix(max(0, count)).map(\.place)
    }
}

/// One way to draw a cohort.
protocol CohortRule: Sendable {
    /// Places in the pool, in any order, none twice. Called only when the pool has more than `count` clients, unless
    /// ``drawsFromAll`` is true.
    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int]

    /// Whether the rule also decides when there are not more than `count` clients; otherwise all are taken.
    var drawsFromAll: Bool { get }
}

extension CohortRule {
    var drawsFromAll: Bool { false }
}
