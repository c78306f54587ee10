/// Every update is clipped to a ball around the round's update of the round before, v:
/// v ← v + (1/m) Σₖ (Δₖ − v) min(1, τ / ‖Δₖ − v‖), a fixed number of times.
///
/// S. P. Karimireddy, L. He, M. Jaggi, "Learning from history for Byzantine robust optimization", ICML 2021. v is kept at
/// the server, in the global weights as `aux.server.c.<tensor>`, and is 0 before the first round. The clients' momentum
/// of the paper is theirs to use (`training.momentum`). It withstands fewer than half of the updates being hostile, with an
/// error that grows with τ.
public struct CentredClipping: UpdateRule {
    /// τ, more than 0.
    public var radius: Double
    /// How many iterations, at least 1.
    public var iterations: Int

    /// `centred-clipping`.
    public let name = "centred-clipping"
    /// 3.
    public let minimumUpdates = 3
    /// Distances.
    public let evidence = Evidence.products
    /// v.
    public let needsHistory = true

    /// The rule with its numbers.
    public init(radius: Double = 10, iterations: Int = 1) {
        precondition(radius > 0 && iterations > 0, "a radius of more than nothing, and an iteration")
        self.radius = radius
        self.iterations = iterations
    }

    /// ⌊(m − 1) / 2⌋.
    public func tolerated(among updates: Int) -> Int { max(0, (updates - 1) / 2) }

    /// The weights of the updates and of v.
    public func combination(of updates: UpdateEvidence) -> Combination {
        let count = updates.count
        // The last row is v.
        var weights = [Double](repeating: 0, count: count) + [1]
        for _ in 0..<iterations {
            let distances = updates.products.squaredDistances(toSum: weights)
            let factors = (0..<count).map { update in
                let distance = distances[update].squareRoot()
                return (distance > radius ? radius / distance : 1) / Double(count)
            }
            let kept = 1 - factors.reduce(0, +)
            weights = weights.indices.map { weights[$0] * kept + ($0 < count ? factors[$0] : 0) }
        }
        return .linear(Array(weights.prefix(count)), history: weights[count])
    }
}
