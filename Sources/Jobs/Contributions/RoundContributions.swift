/// The contribution scores of one round.
public struct RoundContributions: Sendable, Hashable, Codable {
    /// One client of the round.
    public struct Client: Sendable, Hashable, Codable {
        /// Its name.
        public var name: String
        /// The examples that it reported.
        public var examples: Int
        /// Its weight in the round's update, as the fold reports it.
        public var weight: Double?
        /// What it contributed, in units of the utility.
        public var score: Double
        /// The standard error of an estimated score.
        public var standardError: Double?

        /// Creates a client's entry.
        public init(name: String, examples: Int, weight: Double?, score: Double, standardError: Double?) {
            self.name = name
            self.examples = examples
            self.weight = weight
            self.score = score
            self.standardError = standardError
        }
    }

    /// The round, from 0.
    public var round: Int
    /// What was asked for.
    public var settings: ContributionSettings
    /// The utility: the metric of the job's `selectBy`, with "-" before it where lower is better and its negative is meant.
    public var utility: String
    /// The held-out split on which it is taken.
    public var split: String
    /// The utility of the fold of all updates.
    public var everyone: Double
    /// The utility of the weights before the round.
    public var nobody: Double
    /// How many coalitions were evaluated.
    public var evaluations: Int
    /// How many of these the aggregation refused; they are worth as much as no update.
    public var refused: Int
    /// How many random orders were gone through; nil for leave-one-out.
    public var permutations: Int?
    /// The clients whose updates were folded, in order of their names.
    public var clients: [Client]
    /// In a federation the sites on whose examples every coalition was evaluated, in order of their names; nil in a
    /// simulation, which has held-out examples of its own.
    public var evaluators: [String]?

    /// Puts scores and what they are of together.
    public init(
        round: Int, settings: ContributionSettings, utility: String, split: String, scores: ContributionScores,
        evaluations: Int, refused: Int, updates: [(name: String, examples: Int, weight: Double?)],
        evaluators: [String]? = nil
    ) {
        self.round = round
        self.settings = settings
        self.utility = utility
        self.split = split
        everyone = scores.everyone
        nobody = scores.nobody
        self.evaluations = evaluations
        self.refused = refused
        permutations = scores.permutations
        clients = updates.indices.map { place in
            Client(
                name: updates[place].name, examples: updates[place].examples, weight: updates[place].weight,
                score: scores.values[place], standardError: scores.standardErrors?[place])
        }
        self.evaluators = evaluators
    }
}
