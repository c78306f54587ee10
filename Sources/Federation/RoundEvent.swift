public import Aggregation
public import Jobs

/// What happened, as the driver tells the engine.
///
/// An update or a report is handed in (`updateCommitted`, `evaluationReported`) **after** the driver has made it durable,
/// which it only does while `RoundEngine.standing(of:client:)` is `wanted`; refusals are made durable by the action that
/// answers them. The other `…Committed` events answer the action of that name. Every event may be repeated or come late:
/// the engine ignores what no longer matters.
public enum RoundEvent: Sendable, Hashable {
    /// The engine may act: once after creation or after a restart. Before it no other event has an effect
    /// except on the roster.
    case start
    /// Time has passed. Due at `RoundEngine.nextDeadline`; harmless at any other time.
    case tick

    /// A client has a session and can be sent tasks. `examples` says how many examples each split of the job's data set
    /// holds there (empty when the client does not offer it); `holding` names this job's tasks that the client already
    /// works on or has in its outbox.
    case clientReady(client: String, examples: [String: Int], holding: Set<RoundTask>)
    /// The session ended. The client keeps its place until the deadline.
    case clientLost(client: String)
    /// The client's certificate was revoked. What it gave before counts; what it still owes is refused.
    case clientRevoked(client: String)

    /// The cohort is durable.
    case cohortCommitted(round: Int, attempt: Int)
    /// An update passed admission and is durable with its statistics.
    case updateCommitted(client: String, round: Int, attempt: Int, statistics: TaskStatistics)
    /// The client declined the task (`isDeclined`), failed at it, or its result was refused. The engine answers with
    /// `commitRefusal` when this counts; tell the client only after that.
    case taskRefused(task: RoundTask, refusal: TaskRefusal, isDeclined: Bool)
    /// The open attempt cannot go on, for a reason that is not the engine's, such as an exchange of secure aggregation that
    /// has too few clients: it fails. Ignored unless its clients train.
    case attemptAborted(round: Int, attempt: Int, reason: String)
    /// The failed attempt is durable.
    case attemptFailureCommitted(round: Int, attempt: Int)
    /// The aggregated weights exist as a durable blob; the report says what each client's update weighs in them, and with
    /// adaptive clipping the fold found the next clipping norm.
    case aggregated(
        round: Int, attempt: Int, weightsDigest: String, report: AggregationReport? = nil, nextClipNorm: Double? = nil)
    /// The updates could not be aggregated; counts as a failed attempt. With `refusals` because of these clients' updates,
    /// which had been taken: the next attempt goes without them where it can.
    case aggregationFailed(round: Int, attempt: Int, reason: String, refusals: [TaskRefusal] = [])
    /// The aggregation was given up for now, for instance because the disk is full: the job is paused with this reason,
    /// and the same aggregation is asked for again on `resume`.
    case aggregationHeld(round: Int, attempt: Int, reason: String)
    /// The round with its weights, statistics, lineage and evaluation is durable.
    case roundCommitted(round: Int)

    /// It is durable which sites' own models are there.
    case ownModelsCommitted(round: Int)
    /// A model that is to be evaluated was made, or cannot be.
    case modelMade(number: Int, MadeModel)
    /// The making of a model was given up for now: the job is paused with this reason, and the model is asked for again on
    /// `resume`.
    case modelHeld(number: Int, reason: String)
    /// A studied model with its evaluation is durable; the round is that of the evaluation.
    case studyCommitted(round: Int)

    /// An evaluation report is durable.
    case evaluationReported(client: String, round: Int, statistics: TaskStatistics)
    /// The evaluation's result is durable.
    case evaluationCommitted(round: Int)

    /// Facts that became durable together: all of them count before the engine decides what follows.
    case together([RoundEvent])

    /// Hold the job: nothing new starts, clocks stand still, what clients still send counts.
    case pause(reason: String)
    /// Go on with a held job.
    case resume
    /// End the job; its weights stay.
    case stop(reason: String)
    /// The coordinator cannot go on with the job.
    case fail(reason: String)
    /// The job's state is durable.
    case statusCommitted(JobStatus)
}
