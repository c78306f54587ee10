/// The point with the smallest sum of distances to the updates, by the smoothed Weiszfeld algorithm: from v = (1/m) Σ Δₖ,
/// βₖ ← 1 / max(ν, ‖v − Δₖ‖), v ← Σ βₖ Δₖ / Σ βₖ, a fixed number of times.
///
/// K. Pillutla, S. M. Kakade, Z. Harchaoui, "Robust aggregation for federated learning", IEEE TSP 2022, algorithm 2 (RFA).
/// Every update weighs the same, whatever it says of its examples. It withstands fewer than half of the updates being
/// hostile. Every v is a sum of updates, so its distances follow from the inner products: the files are read twice,
/// however many iterations there are. Many are needed when nearly half of the updates are hostile and very far away.
public struct GeometricMedian: UpdateRule {
    /// How many iterations, at least 1.
    public var iterations: Int
    /// ν, the smallest distance, more than 0.
    public var smoothing: Double

    /// `geometric-median`.
    public let name = "geometric-median"
    /// 3.
    public let minimumUpdates = 3
    /// Distances.
    public let evidence = Evidence.products

    /// The rule with its numbers.
    public init(iterations: Int = 100, smoothing: Double = 1e-6) {
        precondition(iterations > 0 && smoothing > 0, "an iteration, and a distance of more than nothing")
        self.iterations = iterations
        self.smoothing = smoothing
    }

    /// ⌊(m − 1) / 2⌋.
    public func tolerated(among updates: Int) -> Int { max(0, (updates - 1) / 2) }

    /// The weights after the last iteration.
    public func combination(of updates: UpdateEvidence) -> Combination {
        .linear(
            Self.weights(updates.products, count: updates.count, iterations: iterations, smoothing: smoothing))
    }

    /// The weights of the first `count` rows in their geometric median.
    static func weights(
        _ products: ProductMatrix, count: Int, iterations: Int = 100, smoothing: Double = 1e-6
    ) -> [Double] {
        let rest = [Double](repeating: 0, count: products.count - count)
        var weights = [Double](repeating: 1 / Double(count), count: count)
        for _ in 0..<iterations {
            let distances = products.squaredDistances(toSum: weights + rest)
            let inverse = (0..<count).map { 1 / max(smoothing, distances[$0].squareRoot()) }
            let total = inverse.reduce(0, +)
            weights = inverse.map { $0 / total }
        }
        return weights
    }
}
