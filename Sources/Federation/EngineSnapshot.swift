public import Jobs
public import Privacy

/// Everything durable about a job, read back from the store: what the engine needs to go on where it was.
public struct EngineSnapshot: Sendable {
    /// The job.
    public var specification: JobSpecification
    /// The job's state as committed.
    public var status: JobStatus
    /// Since when a paused job is paused, milliseconds since 1970; nil when it is not.
    public var pausedAt: Int64?
    /// How many rounds are committed: the number of the round that is open.
    public var completedRounds: Int
    /// SHA-256 of the newest weights: after the last committed round, or the initial ones.
    public var weightsDigest: String
    /// The attempts of the open round that failed: the number of the next attempt.
    public var failedAttempts: Int
    /// The clients that gave no update in those failed attempts.
    public var failedInRound: Set<String>
    /// Why the last of them failed.
    public var lastFailure: String
    /// The clients that ever declined a training task of the job.
    public var declined: Set<String>
    /// How many updates of each client were refused for what was wrong with them; see `AdmissionRules.offences`.
    public var offences: [String: Int]
    /// The committed cohort of the open round, when there is one that has not failed.
    public var current: Current?
    /// Evaluations that are committed with their round and not completed.
    public var evaluations: [Evaluation]
    /// Clients that may come back: those that the store knows with the job's data set, none revoked, and not away
    /// for so long that they should not be waited for. None of them is taken as ready.
    public var known: [Known]
    /// What the committed rounds and draws have shown of the clients; empty will do where `sampling` does not use it.
    public var history: SelectionHistory
    /// Tasks and updates of an asynchronous job; nil for one that has none, and for jobs with rounds.
    public var buffer: UpdateBuffer?
    /// What is known of the models that are evaluated once the rounds are over.
    public var study: ModelStudy
    /// The last instant at which the coordinator is known to have run, milliseconds since 1970: the newest time in any
    /// row will do. Deadlines move by the time between it and the restart; nil moves none.
    public var lastAlive: Int64?
    /// What the job has released; nothing in a job without privacy.
    public var spent: SpentPrivacy

    /// The open round.
    public struct Current: Sendable, Hashable {
        /// The committed cohort, with the deadline as last committed.
        public var cohort: CohortRecord
        /// The committed updates' statistics, by client.
        public var updates: [String: TaskStatistics]
        /// The committed refusals.
        public var refused: [TaskRefusal]
        /// When each update was committed, milliseconds since 1970.
        public var arrivals: [String: Int64]

        /// Creates the open round.
        public init(
            cohort: CohortRecord, updates: [String: TaskStatistics] = [:], refused: [TaskRefusal] = [],
            arrivals: [String: Int64] = [:]
        ) {
            self.cohort = cohort
            self.updates = updates
            self.refused = refused
            self.arrivals = arrivals
        }
    }

    /// An open evaluation.
    public struct Evaluation: Sendable, Hashable {
        /// The committed record, with the deadline as last committed.
        public var record: EvaluationRecord
        /// The committed reports, by client.
        public var reports: [String: TaskStatistics]
        /// The committed refusals.
        public var refused: [TaskRefusal]

        /// Creates an open evaluation.
        public init(record: EvaluationRecord, reports: [String: TaskStatistics] = [:], refused: [TaskRefusal] = []) {
            self.record = record
            self.reports = reports
            self.refused = refused
        }
    }

    /// A client that the store knows.
    public struct Known: Sendable, Hashable {
        /// The client.
        public var client: String
        /// Examples per split of the job's data set, as it last said.
        public var examples: [String: Int]

        /// Creates a known client.
        public init(client: String, examples: [String: Int]) {
            self.client = client
            self.examples = examples
        }
    }

    /// Creates a snapshot; the defaults are those of a job that was just submitted.
    public init(
        specification: JobSpecification, weightsDigest: String, status: JobStatus = JobStatus(.running),
        pausedAt: Int64? = nil, completedRounds: Int = 0, failedAttempts: Int = 0, failedInRound: Set<String> = [],
        lastFailure: String = "", declined: Set<String> = [], offences: [String: Int] = [:],
        current: Current? = nil, evaluations: [Evaluation] = [], known: [Known] = [],
        history: SelectionHistory = SelectionHistory(), buffer: UpdateBuffer? = nil,
        study: ModelStudy = ModelStudy(), lastAlive: Int64? = nil,
        spent: SpentPrivacy = SpentPrivacy()
    ) {
        self.specification = specification
        self.status = status
        self.pausedAt = pausedAt
        self.completedRounds = completedRounds
        self.weightsDigest = weightsDigest
        self.failedAttempts = failedAttempts
        self.failedInRound = failedInRound
        self.lastFailure = lastFailure
        self.declined = declined
        self.offences = offences
        self.current = current
        self.evaluations = evaluations
        self.known = known
        self.history = history
        self.buffer = buffer
        self.study = study
        self.lastAlive = lastAlive
        self.spent = spent
    }
}
