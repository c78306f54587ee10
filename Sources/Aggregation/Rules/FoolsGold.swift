internal import Foundation

/// Updates that resemble each other count for less: sybils of one attacker push in one direction.
///
/// With cᵢⱼ the cosine of updates i and j, vᵢ = maxⱼ cᵢⱼ, cᵢⱼ ← cᵢⱼ vᵢ / vⱼ where vⱼ > vᵢ, αᵢ = 1 − maxⱼ cᵢⱼ in 0…1 over
/// the largest of these, and the weights are κ (ln(αᵢ / (1 − αᵢ)) + 0.5) in 0…1, over their sum.
///
/// C. Fung, C. J. M. Yoon, I. Beschastnikh, "The limitations of federated learning in sybil settings", RAID 2020. The paper
/// compares sums over all rounds; here it is the round's updates, so that nothing is kept of single clients. It bounds
/// sybils of any number and says nothing of a lone attacker; with alike data honest clients are sybils too.
public struct FoolsGold: UpdateRule {
    /// κ, more than 0.
    public var confidence: Double

    /// `foolsgold`.
    public let name = "foolsgold"
    /// 2.
    public let minimumUpdates = 2
    /// Cosines.
    public let evidence = Evidence.products

    /// The rule with its number.
    public init(confidence: Double = 1) {
        precondition(confidence > 0, "a confidence of more than nothing")
        self.confidence = confidence
    }

    /// None: a lone attacker is unlike the others and counts in full.
    public func tolerated(among updates: Int) -> Int { 0 }

    /// The weights; even ones when every update resembles another so much that nothing would be left.
    public func combination(of updates: UpdateEvidence) -> Combination {
        let places = 0..<updates.count
        func largest(_ row: Int, _ value: (Int) -> Double) -> Double {
            places.filter { $0 != row }.map(value).max() ?? 0
        }
        let nearest = places.map { row in largest(row) { updates.cosine(row, $0) } }
        var alphas = places.map { row in
            let highest = largest(row) { column in
                let cosine = updates.cosine(row, column)
                // Only a direction that is shared is pardoned; the quotient is then of two positive numbers.
                guard nearest[column] > nearest[row], nearest[row] > 0 else { return cosine }
                return cosine * nearest[row] / nearest[column]
            }
            return min(1, max(0, 1 - highest))
        }
        let top = alphas.max() ?? 0
        guard top > 0 else { return .linear(updates.evenShares) }
        alphas = alphas.map { alpha in
            let scaled = min(alpha / top, 0.99)
            guard scaled > 0 else { return 0 }
            return min(1, max(0, confidence * (log(scaled / (1 - scaled)) + 0.5)))
        }
        let total = alphas.reduce(0, +)
        return .linear(total > 0 ? alphas.map { $0 / total } : updates.evenShares)
    }
}
