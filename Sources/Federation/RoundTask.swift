/// One piece of work for one client within a job: a round's training, or the evaluation of a round's weights.
public struct RoundTask: Sendable, Hashable {
    /// The kinds of work.
    public enum Kind: String, Sendable, Hashable {
        /// Train from the weights before the round and give an update.
        case train
        /// Count on the held-out split with the weights after the round.
        case evaluate
    }

    /// What is to be done.
    public var kind: Kind
    /// The round, from 0.
    public var round: Int
    /// How often the round was started before, from 0. An evaluation carries the attempt that completed.
    public var attempt: Int

    /// Creates a task's identity.
    public init(_ kind: Kind, round: Int, attempt: Int) {
        self.kind = kind
        self.round = round
        self.attempt = attempt
    }
}

/// What a task's client needs to know besides the job itself.
public struct TaskOffer: Sendable, Hashable {
    /// Which task.
    public var task: RoundTask
    /// SHA-256 of the weights to start from or to evaluate.
    public var weightsDigest: String
    /// When the task is not wanted any more, milliseconds since 1970.
    public var deadline: Int64

    /// Creates an offer.
    public init(task: RoundTask, weightsDigest: String, deadline: Int64) {
        self.task = task
        self.weightsDigest = weightsDigest
        self.deadline = deadline
    }
}

/// What the engine makes of a task that a client holds or reports on.
public enum TaskStanding: Sendable, Hashable {
    /// The result is wanted.
    case wanted
    /// This client's result is in and counts.
    case committed
    /// This client's result was refused, declined or failed.
    case refused(code: String, reason: String)
    /// The client was never asked.
    case notAsked
    /// The round, attempt, evaluation or job is over, or the round has enough.
    case over
}
