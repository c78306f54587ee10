/// Which contribution scores are computed, for which rounds, and what they may cost. In a job file also the method alone.
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
    public func includes(_ round: Int, of rounds: Int) -> Bool {
        round == rounds - 1 || (every > 0 && (round + 1) % every == 0)
    }

    /// A key that is wrong.
    public struct Problem: Sendable, Hashable {
        /// The key.
        public var key: String
        /// What it says.
        public var found: String
        /// What it may say.
        public var expected: String
    }

    /// The numbers that are out of their ranges.
    public var problems: [Problem] {
        var problems: [Problem] = []
        func require(_ holds: Bool, _ key: CodingKeys, _ found: String, _ expected: String) {
            if !holds { problems.append(Problem(key: key.rawValue, found: found, expected: expected)) }
        }
        require((0...1_000_000).contains(every), .every, "\(every)", "0 to 1000000")
        require((1...1_000_000).contains(permutations), .permutations, "\(permutations)", "1 to 1000000")
        require(tolerance >= 0 && tolerance.isFinite, .tolerance, "\(tolerance)", "a number from 0")
        require((3...10_000_000).contains(budget), .budget, "\(budget)", "3 to 10000000")
        return problems
    }

    enum CodingKeys: String, CodingKey {
        case method, every, permutations, tolerance, budget
    }

    /// Reads a map, in which all but the method may be left out, or the method alone.
    public init(from decoder: any Decoder) throws {
        if let text = try? decoder.singleValueContainer().decode(String.self) {
            guard let method = Method(rawValue: text) else {
                throw DecodingError.dataCorrupted(
                    .init(
                        codingPath: decoder.codingPath,
                        debugDescription: "found \"\(text.prefix(64))\", expected loo or shapley"))
            }
            self.init(method: method)
            return
        }
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            method: try container.decode(Method.self, forKey: .method),
            every: try container.decodeIfPresent(Int.self, forKey: .every) ?? 0,
            permutations: try container.decodeIfPresent(Int.self, forKey: .permutations) ?? 50,
            tolerance: try container.decodeIfPresent(Double.self, forKey: .tolerance) ?? 0,
            budget: try container.decodeIfPresent(Int.self, forKey: .budget) ?? 5000)
    }
}
