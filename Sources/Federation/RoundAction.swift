public import Jobs

/// What the driver has to do, in the order given.
///
/// A `commit…` action is made durable before the driver goes on to the next action, and is answered with the event of
/// that name. `offer` and `cancel` go to the fleet and are not answered: what comes of them arrives as events.
public enum RoundAction: Sendable, Hashable {
    /// Make the cohort durable, answer `cohortCommitted`.
    case commitCohort(CohortRecord)
    /// Make a moved deadline durable (downtime and pauses extend it). Not answered.
    case commitDeadline(task: RoundTask, deadline: Int64)
    /// Send the task; again after every reconnect while it is wanted.
    case offer(TaskOffer, client: String)
    /// Tell the client that the task is not wanted any more.
    case cancel(RoundTask, client: String, reason: String)
    /// Make the refusal durable. Not answered. `isDeclined` belongs into the row: who declined stays out of later draws.
    case commitRefusal(task: RoundTask, refusal: TaskRefusal, isDeclined: Bool)
    /// Make the failure of the attempt durable and drop its spooled updates, answer `attemptFailureCommitted`.
    case commitAttemptFailure(FailedAttempt)
    /// Fold the updates, answer `aggregated`, `aggregationFailed` or `aggregationHeld`. May come again after a restart.
    case aggregate(AggregationOrder)
    /// Make the round durable in one transaction, answer `roundCommitted`.
    case commitRound(RoundResult)
    /// Make it durable which sites' own models are there, answer `ownModelsCommitted`. Their updates stay.
    case commitOwnModels(OwnModelsResult)
    /// Make a model that is to be evaluated, answer `modelMade` or `modelHeld`. May come again after a restart.
    case makeModel(ModelOrder)
    /// Make a studied model and its evaluation durable, answer `studyCommitted`.
    case commitStudy(StudyRecord)
    /// Make the evaluation durable, answer `evaluationCommitted`.
    case commitEvaluation(EvaluationResult)
    /// Make the job's state durable, answer `statusCommitted`. After a final state nothing follows but `cancel`.
    case commitStatus(JobStatus)
}
