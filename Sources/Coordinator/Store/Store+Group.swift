internal import Federation
internal import GRDB
internal import Jobs

/// One task of one client, within a job.
struct TaskOfClient: Sendable, Hashable {
    var task: RoundTask
    var client: String
}

/// One client's result for a task of a job.
enum CommittedResult: Sendable, Hashable {
    /// A training task's update; its file is in the spool under its final name.
    case update(RoundTask, client: String, UpdateRecord)
    /// An evaluation's report.
    case report(RoundTask, client: String, TaskStatistics)

    /// Whose it is and what it answers.
    var key: TaskOfClient {
        switch self {
        case .update(let task, let client, _): TaskOfClient(task: task, client: client)
        case .report(let task, let client, _): TaskOfClient(task: task, client: client)
        }
    }

    /// What the engine is told once it is durable.
    var event: RoundEvent {
        switch self {
        case .update(let task, let client, let update):
            .updateCommitted(
                client: client, round: task.round, attempt: task.attempt, statistics: update.statistics)
        case .report(let task, let client, let statistics):
            .evaluationReported(client: client, round: task.round, statistics: statistics)
        }
    }
}

extension Store {
    /// Makes results of one job durable in one transaction: what came together costs one synchronisation of the disk.
    func commitResults(job: String, _ results: [CommittedResult], at time: Int64) async throws {
        try await write { db in
            for result in results {
                switch result {
                case .update(let task, let client, let update):
                    try Self.insert(update, job: job, task: task, client: client, at: time, in: db)
                case .report(let task, let client, let statistics):
                    try Self.insert(statistics, job: job, task: task, client: client, at: time, in: db)
                }
            }
        }
    }
}
