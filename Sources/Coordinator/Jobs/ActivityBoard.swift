internal import Synchronization
internal import Wire

/// What one client does for a job's running round.
struct Activity: Sendable, Hashable {
    /// The stages of a task, in the words of the protocol.
    enum Stage: String, Sendable {
        case waiting, offered, fetching, training, uploading, evaluating, done, refused, away
    }

    /// The task it is about; nil while it waits for one.
    var task: TaskIdentity?
    /// What the client does.
    var stage: Stage
    /// Between 0 and 1 within the stage.
    var fraction = 0.0
    /// Figures of the running task.
    var metrics: [String: Double] = [:]
    /// Bytes moved so far in this stage's transfer.
    var bytes: Int64 = 0
    /// Bytes of the whole transfer.
    var totalBytes: Int64 = 0
}

/// What every client does now, for people who watch. Nothing depends on it.
final class ActivityBoard: Sendable {
    private let jobs = Mutex<[String: [String: Activity]]>([:])
    private let changes: JobChanges

    init(changes: JobChanges) {
        self.changes = changes
    }

    /// What the clients of a job do, by client.
    func activities(job: String) -> [String: Activity] {
        jobs.withLock { $0[job] ?? [:] }
    }

    /// A client is at another stage of a task.
    func enter(
        _ stage: Activity.Stage, task: TaskIdentity, client: String, fraction: Double = 0, bytes: Int64 = 0,
        totalBytes: Int64 = 0
    ) {
        let activity = Activity(
            task: task, stage: stage, fraction: fraction, bytes: bytes, totalBytes: totalBytes)
        jobs.withLock { $0[task.job, default: [:]][client] = activity }
        changes.changed(job: task.job)
    }

    /// Bytes of a transfer moved.
    func moved(_ bytes: Int64, task: TaskIdentity, client: String) {
        update(task, client) { activity in
            activity.bytes = bytes
            activity.fraction = activity.totalBytes > 0 ? Double(bytes) / Double(activity.totalBytes) : 1
        }
    }

    /// A client told how far it is.
    func progress(
        _ fraction: Double, metrics: [String: Double], stage: Activity.Stage, task: TaskIdentity, client: String
    ) {
        update(task, client) { activity in
            if activity.stage != stage {
                activity.bytes = 0
                activity.totalBytes = 0
            }
            activity.stage = stage
            activity.fraction = fraction.isFinite ? min(max(fraction, 0), 1) : 0
            activity.metrics = metrics
        }
    }

    /// A client's session ended.
    func away(client: String) {
        let affected = jobs.withLock { jobs in
            jobs.keys.filter { job in
                guard let activity = jobs[job]?[client], activity.stage != .done, activity.stage != .refused else {
                    return false
                }
                jobs[job]?[client]?.stage = .away
                return true
            }
        }
        for job in affected { changes.changed(job: job) }
    }

    /// A new round of a job begins.
    func begin(job: String, cohort: [String]) {
        let waiting = Activity(task: nil, stage: .waiting)
        jobs.withLock { $0[job] = Dictionary(cohort.map { ($0, waiting) }, uniquingKeysWith: { first, _ in first }) }
        changes.changed(job: job)
    }

    /// Clients of an asynchronous job are asked beside the others that work for it.
    func join(job: String, cohort: [String]) {
        jobs.withLock { jobs in
            for client in cohort { jobs[job, default: [:]][client] = Activity(task: nil, stage: .waiting) }
        }
        changes.changed(job: job)
    }

    /// Nobody works for a job any more.
    func forget(job: String) {
        jobs.withLock { $0[job] = nil }
    }

    private func update(_ task: TaskIdentity, _ client: String, _ body: (inout Activity) -> Void) {
        let isKnown = jobs.withLock { jobs in
            guard var activity = jobs[task.job]?[client], activity.task == task else { return false }
            body(&activity)
            jobs[task.job]?[client] = activity
            return true
        }
        if isKnown { changes.changed(job: task.job) }
    }
}
