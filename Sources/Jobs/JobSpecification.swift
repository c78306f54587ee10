/// What one job is: a model, the data it is trained on, and how its rounds run.
///
/// A YAML file and the JSON on the wire have the same keys. `model`, `training` and the extra keys of `evaluation` are
/// handed to the trainer unread. Decoding fills the defaults in; `validated()` checks the whole.
public struct JobSpecification: Sendable, Hashable, Encodable {
    /// The job's name for people: `[a-z0-9-]{1,64}`.
    public var name: String
    /// The model's settings for the trainer; `name` is required.
    public var model: Settings
    /// The name of the data set that clients must offer.
    public var data: String
    /// How many rounds to run, 1 to 1,000,000.
    public var rounds: Int
    /// The seed of every draw that learning makes.
    public var seed: UInt64
    /// Who takes part.
    public var clients: Clients
    /// Seconds a round may take from the commit of its cohort; more than 0, at most 30 days.
    public var deadline: Double
    /// How a round's deadline is learnt from the rounds before, as ``AdaptiveDeadline`` reads it; nil for `deadline` always.
    public var adaptiveDeadline: Settings?
    /// How clients train without rounds (FedBuff), as ``AsynchronousSettings`` reads it; nil for rounds.
    public var asynchronous: Settings?
    /// How often one round is tried before the job fails, 1 to 100.
    public var attempts: Int
    /// How clients train and how their updates become new weights: `name`, and the strategy's own numbers. A file may
    /// give the name alone.
    public var strategy: Settings
    /// How the coordinator combines the updates of a round: `rule`, and the rule's own numbers; empty for the mean of the
    /// strategy. A file may give the rule's name alone.
    public var aggregation: Settings
    /// What protects the clients' examples; empty for nothing beyond the transport.
    public var privacy: Settings
    /// How updates are written for the wire: `name`, and the encoding's own numbers; empty for 32-bit floats. A file may
    /// give the name alone.
    public var encoding: Settings
    /// How the coordinator is kept from seeing single updates; empty for not at all.
    public var secureAggregation: Settings
    /// What is done with the figures that clients report; nil for withheld in a job that hides single clients (``hidesClients``), clear
    /// in others.
    public var reportFigures: ReportedFigures?
    /// Which of a simulation's virtual clients are hostile, and what they do; empty for none. Daemons ignore it.
    public var attack: Settings
    /// What is done to the data before they are used, for studies of missing or wrong data; empty for nothing. Handed to
    /// the trainer.
    public var corruption: Settings
    /// How a simulation deals the data set to virtual clients. Daemons ignore it: their data are what they are.
    public var partition: Settings
    /// How fast and how reliable a simulation's virtual clients are; empty for no virtual clock. Daemons ignore it.
    public var clock: Settings
    /// The trainer's settings for `train`.
    public var training: Settings
    /// When and how the weights are evaluated.
    public var evaluation: Evaluation
    /// The metric that picks the best round.
    public var selectBy: MetricSelector
    /// Which sites' models are evaluated on each other's examples once the rounds are over; nil for none.
    public var crossSite: CrossSiteSelection?
    /// Which scores say what each client's update contributed; nil for none.
    public var contributions: ContributionSettings?
    /// What a client may claim.
    public var limits: Limits
    /// Names of tensors that are never averaged: each keeps its initial value in the global weights.
    public var kept: [String]
    /// Names of tensors that are not averaged but taken from the last client of the round in order of name.
    public var latest: [String]
    /// Whether single updates are kept after their round.
    public var keepUpdates: Bool
    /// Keep the weights of every so many rounds besides the last three and the best; 0 keeps none besides those.
    public var checkpointEvery: Int

    enum CodingKeys: String, CodingKey {
        case name, model, data, rounds, seed, clients, deadline, adaptiveDeadline, asynchronous, attempts
        case strategy, aggregation, privacy
        case encoding, secureAggregation, reportFigures, attack, corruption, partition, clock, training, evaluation,
            selectBy
        case crossSite, contributions, limits, kept, latest, keepUpdates, checkpointEvery
    }

    /// Who takes part in a job.
    public struct Clients: Sendable, Hashable, Encodable {
        /// How many participants must be ready before a cohort is drawn; at least 1.
        public var minimum: Int
        /// How many participants a round asks; default `minimum`.
        public var perRound: Int
        /// How many updates make a round; default `perRound`.
        public var minimumUpdates: Int
        /// How many updates end a round at once, before the others of its cohort have answered: with more clients asked
        /// than that, the slowest are not waited for (over-selection). nil waits for all of them until the deadline.
        public var targetUpdates: Int?
        /// The names of the participants; nil for all that offer the data set with a `train` split.
        public var participants: [String]?
        /// How a round's cohort is drawn: see `SamplingSettings`. A file may give the name alone.
        public var sampling: Sampling

        enum CodingKeys: String, CodingKey {
            case minimum, perRound, minimumUpdates, targetUpdates, participants, sampling
        }

        /// Creates the rules with their defaults.
        public init(
            minimum: Int = 1, perRound: Int? = nil, minimumUpdates: Int? = nil, targetUpdates: Int? = nil,
            participants: [String]? = nil, sampling: Sampling = .uniform
        ) {
            self.minimum = minimum
            self.perRound = perRound ?? minimum
            self.minimumUpdates = minimumUpdates ?? self.perRound
            self.targetUpdates = targetUpdates
            self.participants = participants
            self.sampling = sampling
        }
    }

    /// When and how weights are evaluated.
    public struct Evaluation: Sendable, Hashable {
        /// After every so many rounds, and always after the last; 0 for never.
        public var every: Int
        /// The first round that is evaluated, from 0; nil for `every` − 1, after `every` rounds.
        public var first: Int?
        /// The held-out split that clients must declare to be asked.
        public var split: String
        /// Seconds an evaluation may take; more than 0, at most 30 days.
        public var deadline: Double
        /// When a simulation evaluates its other held-out splits. Daemons ignore it: they evaluate `split` only.
        public var others: Others
        /// In a simulation, evaluate on every client's own examples after every so many rounds, and after the last; 0 for
        /// never. Daemons ignore it.
        public var perClient: Int
        /// In a simulation, the share of every client's examples that it does not train on, for `perClient`; at least 0
        /// and less than 1. Daemons ignore it: their data are what they are.
        public var perClientHoldOut: Double
        /// In a simulation, with `perClient`, compare the global model on every client's examples with the client's own
        /// model. Daemons ignore it.
        public var personalise: Bool
        /// The trainer's settings for `evaluate`: every other key.
        public var settings: Settings

        /// When a simulation evaluates the held-out splits that `selectBy` does not look at.
        public enum Others: String, Sendable, Hashable, Codable, CaseIterable {
            /// With `split`.
            case always
            /// When `split` is better than in every round before, and after the last round: what a report of the best
            /// round needs, in less time.
            case best
        }

        /// Creates the rules with their defaults.
        public init(
            every: Int = 1, first: Int? = nil, split: String = "test", deadline: Double = 600, others: Others = .always,
            perClient: Int = 0, perClientHoldOut: Double = 0, personalise: Bool = false, settings: Settings = [:]
        ) {
            self.every = every
            self.first = first
            self.split = split
            self.deadline = deadline
            self.others = others
            self.perClient = perClient
            self.perClientHoldOut = perClientHoldOut
            self.personalise = personalise
            self.settings = settings
        }
    }

    /// What a client may claim.
    public struct Limits: Sendable, Hashable, Encodable {
        /// The most examples one task may report.
        public var maximumExamples: Int
        /// The largest L2 norm of an update; nil for one far above what training gives.
        public var maximumNorm: Double?
        /// After how many refused updates a client is left out of the job's further cohorts; nil for never.
        public var quarantineAfter: Int?

        enum CodingKeys: String, CodingKey {
            case maximumExamples, maximumNorm, quarantineAfter
        }

        /// Creates the limits with their defaults.
        public init(maximumExamples: Int = 1_000_000, maximumNorm: Double? = nil, quarantineAfter: Int? = nil) {
            self.maximumExamples = maximumExamples
            self.maximumNorm = maximumNorm
            self.quarantineAfter = quarantineAfter
        }
    }

    /// Creates a specification with the defaults that a file would get.
    public init(
        name: String, model: Settings, data: String, rounds: Int, seed: UInt64 = 1, clients: Clients = Clients(),
        deadline: Double = 3600, adaptiveDeadline: Settings? = nil, asynchronous: Settings? = nil,
        attempts: Int = 3, strategy: Settings = ["name": "fedavg"],
        aggregation: Settings = [:], privacy: Settings = [:], encoding: Settings = [:],
        secureAggregation: Settings = [:], reportFigures: ReportedFigures? = nil, attack: Settings = [:],
        corruption: Settings = [:], partition: Settings = [:], clock: Settings = [:], training: Settings = [:],
        evaluation: Evaluation = Evaluation(), selectBy: MetricSelector = MetricSelector("macroF1"),
        crossSite: CrossSiteSelection? = nil, contributions: ContributionSettings? = nil,
        limits: Limits = Limits(), kept: [String] = [], latest: [String] = [], keepUpdates: Bool = false,
        checkpointEvery: Int = 0
    ) {
        self.name = name
        self.model = model
        self.data = data
        self.rounds = rounds
        self.seed = seed
        self.clients = clients
        self.deadline = deadline
        self.adaptiveDeadline = adaptiveDeadline
        self.asynchronous = asynchronous
        self.attempts = attempts
        self.strategy = strategy
        self.aggregation = aggregation
        self.privacy = privacy
        self.encoding = encoding
        self.secureAggregation = secureAggregation
        self.reportFigures = reportFigures
        self.attack = attack
        self.corruption = corruption
        self.partition = partition
        self.clock = clock
        self.training = training
        self.evaluation = evaluation
        self.selectBy = selectBy
        self.crossSite = crossSite
        self.contributions = contributions
        self.limits = limits
        self.kept = kept
        self.latest = latest
        self.keepUpdates = keepUpdates
        self.checkpointEvery = checkpointEvery
    }
}

extension JobSpecification {
    /// The strategy's name: `strategy.name`; empty when it is missing, which `validated()` refuses.
    public var strategyName: String { strategy["name"]?.stringValue ?? "" }

    /// The model's name: `model.name`; empty when it is missing, which `validated()` refuses.
    public var modelName: String { model["name"]?.stringValue ?? "" }

    /// `deadline` in whole milliseconds, at least 1.
    public var deadlineMilliseconds: Int64 { Self.milliseconds(deadline) }

    /// `evaluation.deadline` in whole milliseconds, at least 1.
    public var evaluationDeadlineMilliseconds: Int64 { Self.milliseconds(evaluation.deadline) }

    /// Whether the weights after `round` (from 0) are evaluated: every `evaluation.every` rounds from
    /// `evaluation.first` on, and the last always.
    public func isEvaluated(round: Int) -> Bool {
        guard evaluation.every > 0 else { return false }
        let since = round - (evaluation.first ?? evaluation.every - 1)
        return (since >= 0 && since % evaluation.every == 0) || round == rounds - 1
    }

    /// Whether a simulation evaluates the weights after `round` (from 0) on every client's own examples.
    public func isEvaluatedPerClient(round: Int) -> Bool {
        evaluation.perClient > 0 && ((round + 1) % evaluation.perClient == 0 || round == rounds - 1)
    }

    /// Whether the weights after `round` (from 0) are kept as a checkpoint for good.
    public func isCheckpoint(round: Int) -> Bool {
        checkpointEvery > 0 && (round + 1) % checkpointEvery == 0
    }

    private static func milliseconds(_ seconds: Double) -> Int64 {
        seconds.isFinite ? Int64(min(max(1, (seconds * 1000).rounded()), 1e15)) : 1
    }
}
