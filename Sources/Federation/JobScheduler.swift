/// Decides which jobs run: at most `maximumRunning` at once, the others wait in order of their submission.
///
/// A value without I/O. A paused job gives its place up; resumed, it waits where its submission puts it, which is before
/// every later job.
public struct JobScheduler: Sendable {
    /// How many jobs run at once, at least 1.
    public let maximumRunning: Int

    private enum State { case queued, running, held }
    private struct Entry {
        var sequence: Int
        var state: State
    }
    private var entries: [String: Entry] = [:]

    /// Creates a scheduler without jobs.
    public init(maximumRunning: Int = 4) {
        self.maximumRunning = max(1, maximumRunning)
    }

    /// Adds a job that waits for its turn, or puts a held one back into the queue. `sequence` orders jobs by their
    /// submission. Does nothing to a running job.
    public mutating func enqueue(_ job: String, sequence: Int) {
        guard entries[job]?.state != .running else { return }
        entries[job] = Entry(sequence: sequence, state: .queued)
    }

    /// Adds a job that was running before a restart. It runs on, even beyond `maximumRunning`.
    public mutating func adopt(_ job: String, sequence: Int) {
        entries[job] = Entry(sequence: sequence, state: .running)
    }

    /// Takes the job's place away while it is paused.
    public mutating func hold(_ job: String, sequence: Int) {
        entries[job] = Entry(sequence: sequence, state: .held)
    }

    /// Forgets a job that is over.
    public mutating func remove(_ job: String) {
        entries[job] = nil
    }

    /// The jobs that may start or resume now, in order. They count as running from here on.
    public mutating func startNext() -> [String] {
        let free = maximumRunning - runningCount
        guard free > 0 else { return [] }
        let chosen = Array(queue.prefix(free))
        for job in chosen { entries[job]?.state = .running }
        return chosen
    }

    /// How many jobs run.
    public var runningCount: Int { entries.values.count { $0.state == .running } }

    /// The waiting jobs in order.
    public var queue: [String] {
        entries.filter { $0.value.state == .queued }
            .sorted { ($0.value.sequence, $0.key) < ($1.value.sequence, $1.key) }.map(\.key)
    }

    /// Whether the job runs.
    public func isRunning(_ job: String) -> Bool { entries[job]?.state == .running }

    /// What a queued job waits for, in a sentence; nil when it is not queued.
    public func waitsFor(_ job: String) -> String? {
        guard let index = queue.firstIndex(of: job) else { return nil }
        let ahead = index == 0 ? "next in the queue" : "\(index) ahead of it in the queue"
        return "waits for one of \(runningCount) running jobs to end or pause, \(ahead)"
    }
}
