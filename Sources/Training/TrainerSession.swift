public import Jobs

/// What a trainer does for one job, after `hello`.
///
/// Sessions are made and used on one thread. Every function is synchronous; the long ones report to a `TrainerMonitor`,
/// which also tells them to give up.
public protocol TrainerSession: AnyObject {
    /// The answer to `hello`.
    var greeting: TrainerReply.Hello { get }

    /// Writes the initial weights.
    func initialise(_ request: TrainerRequest.Initialise) throws

    /// Trains, writes the update, and returns what was counted.
    func train(_ request: TrainerRequest.Train, _ monitor: TrainerMonitor) throws -> TaskStatistics

    /// Counts on a held-out split.
    func evaluate(_ request: TrainerRequest.Evaluate, _ monitor: TrainerMonitor) throws -> TaskStatistics
}

/// The line between a running request and the daemon.
public final class TrainerMonitor {
    /// The shortest time between two signs of life.
    public static let interval: Duration = .milliseconds(250)

    private let isCancelled: () -> Bool
    private let report: (TrainerReply.Progress) -> Void
    private let now: () -> ContinuousClock.Instant
    private var last: ContinuousClock.Instant?

    /// Makes a monitor.
    ///
    /// - Parameters:
    ///   - isCancelled: whether the daemon asked to give up.
    ///   - report: sends a sign of life.
    ///   - now: the clock.
    public init(
        isCancelled: @escaping () -> Bool,
        report: @escaping (TrainerReply.Progress) -> Void,
        now: @escaping () -> ContinuousClock.Instant = { .now }
    ) {
        self.isCancelled = isCancelled
        self.report = report
        self.now = now
    }

    /// Reports progress unless the last report was less than `interval` ago.
    ///
    /// - Throws: `TrainingError` with code `cancelled` when the daemon asked to give up.
    public func update(fraction: Double, metrics: @autoclosure () -> [String: Double] = [:]) throws(TrainingError) {
        try checkCancellation()
        let instant = now()
        if let last, instant - last < Self.interval { return }
        last = instant
        report(TrainerReply.Progress(fraction: min(max(fraction, 0), 1), metrics: metrics()))
    }

    /// Gives up if the daemon asked for it.
    ///
    /// - Throws: `TrainingError` with code `cancelled`.
    public func checkCancellation() throws(TrainingError) {
        guard !isCancelled() else { throw TrainingError(.cancelled, "cancelled by the daemon") }
    }
}
