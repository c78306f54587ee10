public import Jobs

/// A client's admitted update.
public struct AdmittedUpdate: Sendable, Hashable {
    /// The client.
    public var client: String
    /// What it counted while training; `examples` is its weight in the average.
    public var statistics: TaskStatistics
    /// Its weight in the round's update, once that is made.
    public var weight: Double?
    /// Why the job's pipeline left it out of the round's update, if it did.
    public var leftOut: String?
    /// The version that it started from, in an asynchronous job; nil for the weights before the round.
    public var startedFrom: Int?
    /// The draw of that version which chose the client, in an asynchronous job.
    public var draw: Int?

    /// Creates a record.
    public init(
        client: String, statistics: TaskStatistics, weight: Double? = nil, leftOut: String? = nil,
        startedFrom: Int? = nil, draw: Int? = nil
    ) {
        self.client = client
        self.statistics = statistics
        self.weight = weight
        self.leftOut = leftOut
        self.startedFrom = startedFrom
        self.draw = draw
    }
}

/// Why a client gave no result.
public struct TaskRefusal: Sendable, Hashable {
    /// The client.
    public var client: String
    /// A stable word: "declined", "schema", "non-finite", "deadline", "surplus", "revoked", …
    public var code: String
    /// The reason in a sentence.
    public var reason: String

    /// Creates a record.
    public init(client: String, code: String, reason: String) {
        self.client = client
        self.code = code
        self.reason = reason
    }
}

/// A round's cohort as it is committed before any task is sent. It is never drawn again.
public struct CohortRecord: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// How often the round was started before, from 0.
    public var attempt: Int
    /// The clients chosen, in order of their names.
    public var cohort: [String]
    /// When it was drawn, milliseconds since 1970.
    public var startedAt: Int64
    /// When updates are not waited for any longer, milliseconds since 1970.
    public var deadline: Int64
    /// What the round costs; nil in a job without privacy.
    public var charge: RoundCharge?
    /// The participants that were ready, in order of their names, where later draws depend on it; else empty.
    public var present: [String]

    /// Creates a record.
    public init(
        round: Int, attempt: Int, cohort: [String], startedAt: Int64, deadline: Int64, charge: RoundCharge? = nil,
        present: [String] = []
    ) {
        self.round = round
        self.attempt = attempt
        self.cohort = cohort
        self.startedAt = startedAt
        self.deadline = deadline
        self.charge = charge
        self.present = present
    }
}

/// A round that failed and is tried again, or was the last try.
public struct FailedAttempt: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// The attempt that failed, from 0.
    public var attempt: Int
    /// Why, in a sentence.
    public var reason: String
    /// The clients without an update, the ones that ran out of time among them, in order of their names.
    public var refusals: [TaskRefusal]
    /// When it failed, milliseconds since 1970.
    public var failedAt: Int64

    /// Creates a record.
    public init(round: Int, attempt: Int, reason: String, refusals: [TaskRefusal], failedAt: Int64) {
        self.round = round
        self.attempt = attempt
        self.reason = reason
        self.refusals = refusals
        self.failedAt = failedAt
    }
}

/// What is to be aggregated.
public struct AggregationOrder: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// The attempt, from 0.
    public var attempt: Int
    /// SHA-256 of the weights before the round.
    public var weightsDigest: String
    /// The updates to fold, in order of the clients' names.
    public var updates: [AdmittedUpdate]
    /// What the round costs; nil in a job without privacy.
    public var charge: RoundCharge?

    /// Creates an order.
    public init(
        round: Int, attempt: Int, weightsDigest: String, updates: [AdmittedUpdate], charge: RoundCharge? = nil
    ) {
        self.round = round
        self.attempt = attempt
        self.weightsDigest = weightsDigest
        self.updates = updates
        self.charge = charge
    }
}

/// A completed round: what is committed together with its weights.
public struct RoundResult: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// The attempt that completed, from 0.
    public var attempt: Int
    /// The clients chosen, in order of their names.
    public var cohort: [String]
    /// The updates that were folded, in order of the clients' names.
    public var admitted: [AdmittedUpdate]
    /// The clients without an update, in order of their names.
    public var refusals: [TaskRefusal]
    /// The sum of the admitted clients' statistics.
    public var totals: TaskStatistics
    /// SHA-256 of the weights before the round.
    public var baseDigest: String
    /// SHA-256 of the weights after the round.
    public var weightsDigest: String
    /// When the cohort was drawn, milliseconds since 1970.
    public var startedAt: Int64
    /// When the weights were ready, milliseconds since 1970.
    public var completedAt: Int64
    /// The evaluation that starts with the commit of this round; nil for none.
    public var evaluation: EvaluationRecord?
    /// What the round cost; nil in a job without privacy.
    public var charge: RoundCharge?
    /// The clipping norm of the next round; nil when it does not change.
    public var nextClipNorm: Double?

    /// Creates a result.
    public init(
        round: Int, attempt: Int, cohort: [String], admitted: [AdmittedUpdate], refusals: [TaskRefusal],
        totals: TaskStatistics, baseDigest: String, weightsDigest: String, startedAt: Int64, completedAt: Int64,
        evaluation: EvaluationRecord?, charge: RoundCharge? = nil, nextClipNorm: Double? = nil
    ) {
        self.round = round
        self.attempt = attempt
        self.cohort = cohort
        self.admitted = admitted
        self.refusals = refusals
        self.totals = totals
        self.baseDigest = baseDigest
        self.weightsDigest = weightsDigest
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.evaluation = evaluation
        self.charge = charge
        self.nextClipNorm = nextClipNorm
    }
}

/// The evaluation of a round's weights as it is committed with the round. Its clients are never chosen again.
public struct EvaluationRecord: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// The attempt that completed the round.
    public var attempt: Int
    /// SHA-256 of the weights to evaluate.
    public var weightsDigest: String
    /// The clients that are asked, in order of their names.
    public var evaluators: [String]
    /// When reports are not waited for any longer, milliseconds since 1970.
    public var deadline: Int64

    /// Creates a record.
    public init(round: Int, attempt: Int, weightsDigest: String, evaluators: [String], deadline: Int64) {
        self.round = round
        self.attempt = attempt
        self.weightsDigest = weightsDigest
        self.evaluators = evaluators
        self.deadline = deadline
    }
}

/// A completed evaluation.
public struct EvaluationResult: Sendable, Hashable {
    /// The round, from 0.
    public var round: Int
    /// The clients whose reports count, in order of their names.
    public var reported: [String]
    /// The clients without a report, in order of their names.
    public var refusals: [TaskRefusal]
    /// The sum of the reports.
    public var totals: TaskStatistics
    /// Every ratio of the totals, as `Metrics.derive` gives it; empty without reports.
    public var metrics: [String: Double]

    /// Creates a result.
    public init(
        round: Int, reported: [String], refusals: [TaskRefusal], totals: TaskStatistics, metrics: [String: Double]
    ) {
        self.round = round
        self.reported = reported
        self.refusals = refusals
        self.totals = totals
        self.metrics = metrics
    }
}
