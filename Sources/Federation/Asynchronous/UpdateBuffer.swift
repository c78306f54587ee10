public import Jobs

/// What an asynchronous job knows of its open version of the weights: who trains, and whose updates wait to be folded.
///
/// The rounds of such a job are versions of the weights: version v + 1 is made from `buffer` updates that started from
/// version v or earlier ones. A training task's `round` is the version that it starts from, and its `attempt` the draw of that
/// version which chose the client; a version is drawn for as often as clients finish. A client is in `asked` or in `updates`,
/// never in both: it is not drawn again before its update is folded.
public struct UpdateBuffer: Sendable, Hashable {
    /// A task in a client's hands.
    public struct Asked: Sendable, Hashable, Codable {
        /// The client.
        public var client: String
        /// The version that it starts from, from 0.
        public var round: Int
        /// The draw of that version, from 0.
        public var attempt: Int
        /// SHA-256 of that version's weights. They must not be deleted.
        public var weightsDigest: String
        /// When it was drawn, milliseconds since 1970.
        public var startedAt: Int64
        /// When its result is not waited for any longer, milliseconds since 1970.
        public var deadline: Int64

        /// The task.
        public var task: RoundTask { RoundTask(.train, round: round, attempt: attempt) }

        /// Creates a record.
        public init(
            client: String, round: Int, attempt: Int, weightsDigest: String, startedAt: Int64, deadline: Int64
        ) {
            self.client = client
            self.round = round
            self.attempt = attempt
            self.weightsDigest = weightsDigest
            self.startedAt = startedAt
            self.deadline = deadline
        }
    }

    /// A durable update that is not folded yet.
    public struct Update: Sendable, Hashable {
        /// The task that gave it.
        public var task: RoundTask
        /// What the client counted.
        public var statistics: TaskStatistics
        /// When it was committed, milliseconds since 1970.
        public var arrivedAt: Int64

        /// Creates a record.
        public init(task: RoundTask, statistics: TaskStatistics, arrivedAt: Int64) {
            self.task = task
            self.statistics = statistics
            self.arrivedAt = arrivedAt
        }
    }

    /// A task without a result.
    public struct Refused: Sendable, Hashable {
        /// The task.
        public var task: RoundTask
        /// Why.
        public var refusal: TaskRefusal

        /// Creates a record.
        public init(task: RoundTask, refusal: TaskRefusal) {
            self.task = task
            self.refusal = refusal
        }
    }

    /// Who trains, by client.
    public var asked: [String: Asked]
    /// The updates that wait, by client.
    public var updates: [String: Update]
    /// Who gave none since the open version began: the last reason of each.
    public var refused: [String: Refused]
    /// How many tasks since then came to nothing.
    public var failures: Int
    /// How many draws were made for the open version.
    public var draws: Int
    /// When it began, milliseconds since 1970; nil before the first draw.
    public var startedAt: Int64?

    /// Creates a buffer; the defaults are those of a job that has not begun.
    public init(
        asked: [Asked] = [], updates: [String: Update] = [:], refused: [String: Refused] = [:], failures: Int = 0,
        draws: Int = 0, startedAt: Int64? = nil
    ) {
        self.asked = Dictionary(asked.map { ($0.client, $0) }) { first, _ in first }
        self.updates = updates
        self.refused = refused
        self.failures = failures
        self.draws = draws
        self.startedAt = startedAt
    }

    /// Who trains, in order of the clients' names.
    public var inOrder: [Asked] { asked.values.sorted { Participants.precedes($0.client, $1.client) } }

    /// Takes an update of a client that trains.
    mutating func take(_ client: String, _ statistics: TaskStatistics, at time: Int64) {
        guard let asked = asked.removeValue(forKey: client) else { return }
        updates[client] = Update(task: asked.task, statistics: statistics, arrivedAt: time)
    }

    /// Notes that a client gives, or is asked for, nothing any more.
    mutating func refuse(_ refusal: TaskRefusal, of task: RoundTask) {
        asked[refusal.client] = nil
        updates[refusal.client] = nil
        refused[refusal.client] = Refused(task: task, refusal: refusal)
        if refusal.countsAsFailure { failures += 1 }
    }

    /// Notes that a version is made: the next begins.
    mutating func folded(_ result: RoundResult) {
        for update in result.admitted { updates[update.client] = nil }
        refused = [:]
        failures = 0
        draws = 0
        startedAt = result.completedAt
    }
}

extension TaskRefusal {
    static let staleCode = "stale"

    /// Whether it is a task that came to nothing in an asynchronous job: who was slow and did its work did not fail.
    public var countsAsFailure: Bool { code != Self.staleCode }

    static func stale(_ client: String, _ staleness: Int, most: Int) -> TaskRefusal {
        TaskRefusal(
            client: client, code: staleCode,
            reason: "its weights are \(staleness) versions old, asynchronous.maximumStaleness is \(most)")
    }
}
