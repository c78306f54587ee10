internal import Federation
internal import Wire

extension TaskIdentity {
    /// The identity of a round's task.
    init(job: String, task: RoundTask) {
        self.init(
            job: job, round: task.round, attempt: task.attempt, kind: task.kind == .train ? .train : .evaluate)
    }

    /// The task within its job.
    var roundTask: RoundTask {
        RoundTask(kind == .train ? .train : .evaluate, round: round, attempt: attempt)
    }
}

extension TaskAssignment {
    /// How the task is named on the wire.
    var identity: TaskIdentity { TaskIdentity(job: job, task: offer.task) }
}
