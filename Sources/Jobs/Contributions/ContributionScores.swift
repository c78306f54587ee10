public import Randomness

/// What each client of a coalition game is worth.
public struct ContributionScores {
    /// By place: the scores.
    public var values: [Double]
    /// The standard errors of estimated scores; nil where nothing is estimated, or from fewer than two orders.
    public var standardErrors: [Double]?
    /// The utility of all, and of none.
    public var everyone: Double
    /// See `everyone`.
    public var nobody: Double
    /// How many random orders were gone through.
    public var permutations: Int?

    /// Leave-one-out: v(N) − v(N ∖ {i}). Two clients with the same update share the blame and the praise badly: each
    /// can be left out for nothing.
    ///
    /// - Returns: nil when the budget is below n + 2.
    public static func leaveOneOut(_ game: inout CoalitionGame) throws -> ContributionScores? {
        let all = game.everyone
        let others = all.map { place in all.filter { $0 != place } }
        guard let values = try game.values([all, []] + others) else { return nil }
        return ContributionScores(
            values: values.dropFirst(2).map { values[0] - $0 }, everyone: values[0], nobody: values[1])
    }

    /// Shapley values by sampling orders: φᵢ is the mean of v(P ∪ {i}) − v(P) over uniformly random orders, P those before i.
    ///
    /// J. Castro, D. Gómez, J. Tejada, "Polynomial calculation of the Shapley value based on sampling", Computers &
    /// Operations Research 36, 2009; with `tolerance` above 0 the truncation of A. Ghorbani, J. Zou, "Data Shapley:
    /// equitable valuation of data for machine learning", ICML 2019. In every order the differences telescope, so that
    /// without truncation the values sum to v(N) − v(∅), however few orders there are. The standard error is the
    /// deviation of a client's differences over the root of the number of orders.
    ///
    /// - Parameter stream: gives the orders.
    /// - Returns: nil when the budget does not allow one order; with fewer orders than asked for when it ends early.
    public static func shapley(
        _ game: inout CoalitionGame, permutations: Int, tolerance: Double, stream: RandomStream
    ) throws -> ContributionScores? {
        var stream = stream
        let players = game.players
        guard let ends = try game.values([game.everyone, []]) else { return nil }
        var means = [Double](repeating: 0, count: players)
        var squares = means
        var done = 0
        while done < permutations {
            let order = stream.permutation(count: players)
            guard let marginals = try marginals(of: order, &game, ends: ends, tolerance: tolerance) else { break }
            done += 1
            // Welford's sums.
            for (place, value) in marginals.enumerated() {
                let before = value - means[place]
                means[place] += before / Double(done)
                squares[place] += before * (value - means[place])
            }
        }
        guard done > 0 else { return nil }
        let count = Double(done)
        return ContributionScores(
            values: means,
            standardErrors: done > 1 ? squares.map { (max(0, $0) / (count - 1) / count).squareRoot() } : nil,
            everyone: ends[0], nobody: ends[1], permutations: done)
    }

    /// What each client adds to those before it, by place; nil when the budget ends on the way.
    private static func marginals(
        of order: [Int], _ game: inout CoalitionGame, ends: [Double], tolerance: Double
    ) throws -> [Double]? {
        let coalitions = order.indices.map { order[...$0].sorted() }
        var values: [Double] = []
        if tolerance == 0 {
            guard let all = try game.values(coalitions) else { return nil }
            values = all
        } else {
            for coalition in coalitions {
                if abs(ends[0] - (values.last ?? ends[1])) <= tolerance { break }
                guard let value = try game.values([coalition])?.first else { return nil }
                values.append(value)
            }
        }
        var marginals = [Double](repeating: 0, count: order.count)
        var before = ends[1]
        for (client, value) in zip(order, values) {
            marginals[client] = value - before
            before = value
        }
        return marginals
    }
}

extension ContributionSettings {
    /// The scores by the method that is asked for; the random orders of a round depend on the job's seed alone.
    ///
    /// - Returns: nil when the budget is too small for one value of each client.
    public func scores(of game: inout CoalitionGame, seed: UInt64, round: Int) throws -> ContributionScores? {
        switch method {
        case .loo: try ContributionScores.leaveOneOut(&game)
        case .shapley:
            try ContributionScores.shapley(
                &game, permutations: permutations, tolerance: tolerance,
                stream: RandomStream(
                    seed: seed, purpose: "contributions", round: UInt32(truncatingIfNeeded: round)))
        }
    }

    /// Every coalition that the scores of so many clients ask for, each once and in the order in which they are asked for,
    /// as ascending places; empty when the budget is too small. Only right without truncation, where it does not depend on
    /// the values.
    public func coalitions(players: Int, seed: UInt64, round: Int) -> [[Int]] {
        var asked: [[Int]] = []
        var game = CoalitionGame(players: players, budget: budget) { coalitions in
            asked += coalitions
            return coalitions.map { _ in 0 }
        }
        guard let scores = try? scores(of: &game, seed: seed, round: round), !scores.values.isEmpty else { return [] }
        return asked
    }
}
