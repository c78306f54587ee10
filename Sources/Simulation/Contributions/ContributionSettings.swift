/// Which contribution scores a simulation computes, for which rounds, and what they may cost.
public struct ContributionSettings: Sendable, Hashable, Codable {
    /// How scores are computed.
    public enum Method: String, Sendable, Hashable, Codable, CaseIterable {
        /// What is missing without the client: leave-one-out.
        case loo
        /// The client's Shapley value, estimated over random orders.
        case shapley
    }

    /// How scores are computed.
    public var method: Method
    /// After every so many rounds and after the last; 0 for the last alone.
    public var every: Int
    /// How many random orders; for Shapley values.
    public var permutations: Int
    /// A coalition whose utility is within this of the whole cohort's ends its order: those who come later get 0 there. 0
    /// looks at every coalition.
    public var tolerance: Double
    /// The most coalitions of a round that are folded and evaluated.
    public var budget: Int

    /// Settings with their defaults.
    public init(method: Method, every: Int = 0, permutations: Int = 50, tolerance: Double = 0, budget: Int = 5000) {
        self.method = method
        self.every = every
        self.permutations = permutations
        self.tolerance = tolerance
        self.budget = budget
    }

    /// Whether a round, from 0, is looked at.
    func includes(_ round: Int, of rounds: Int) -> Bool {
        round == rounds - 1 || (every > 0 && (round + 1) % every == 0)
    }

    /// - Throws: ``SimulationError`` `job` naming the option.
    func check() throws(SimulationError) {
        func require(_ holds: Bool, _ name: String, _ found: String, _ expected: String) throws(SimulationError) {
            guard !holds else { return }
            throw SimulationError(.job, "\(name): found \(found), expected \(expected)")
        }
        try require((0...1_000_000).contains(every), "--contribution-every", "\(every)", "0 to 1000000")
        try require((1...1_000_000).contains(permutations), "--permutations", "\(permutations)", "1 to 1000000")
        try require(tolerance >= 0 && tolerance.isFinite, "--truncation", "\(tolerance)", "a number from 0")
        try require((3...10_000_000).contains(budget), "--contribution-budget", "\(budget)", "3 to 10000000")
    }
}
