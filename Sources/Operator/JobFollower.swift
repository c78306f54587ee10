import Foundation
import GRPCCore
import Synchronization

/// Prints a job's progress until it ends: lasting lines and `--json` objects on standard output, the live part on
/// standard error when that is a terminal.
public struct JobFollower: Sendable {
    private struct Change: Encodable {
        var job: JobView
        var rounds: [RoundView]
        var activity: [JobProgress.Activity]
    }

    private struct State {
        var screen = WatchScreen()
        var display: LiveDisplay
        var last: JobView?
        /// Since when nothing is heard, after a stream has ended before the job did.
        var away: ContinuousClock.Instant?
    }

    /// For so long a coordinator that was there may be away before the follower gives up.
    private static let patience = Duration.seconds(120)
    private static let pause = Duration.seconds(1)

    private let printer: Printer

    /// A follower that prints through `printer`.
    public init(printer: Printer) { self.printer = printer }

    /// Follows `job`, also over a coordinator that ends and is started again.
    ///
    /// - Throws: `OperatorError` with the code `jobFailed` when the job ends otherwise than finished, `unreachable` when there is
    ///   no coordinator at the beginning, or it stays away.
    @discardableResult
    public func follow<Transport>(
        _ job: String,
        from round: Int = 0,
        on connection: OperatorConnection<Transport>
    ) async throws -> JobView {
        let state = Mutex(State(display: LiveDisplay()))
        while true {
            // By its identifier once that is known: a newer job may get the same name.
            let (known, next) = state.withLock { ($0.last?.job, $0.screen.next) }
            var failure = OperatorError(
                .unreachable, "the coordinator ended the stream before the job ended; watch again to go on")
            do {
                try await connection.watch(job: known ?? job, fromRound: max(round, next)) { progress in
                    try state.withLock { try show(progress, &$0) }
                }
            } catch let error as OperatorError where error.code == .unreachable {
                failure = error
            }
            state.withLock { $0.display.clear() }
            if let last = state.withLock({ $0.last }), last.hasEnded { return try result(of: last) }
            guard state.withLock({ isPatient(&$0) }) else { throw failure }
            try await Task.sleep(for: Self.pause)
        }
    }

    private func show(_ progress: JobProgress, _ state: inout State) throws {
        state.last = progress.job
        state.away = nil
        let output = state.screen.apply(progress)
        if printer.isJSON {
            let change = Change(job: progress.job, rounds: progress.rounds, activity: progress.activity)
            try printer.print(change) { [] }
            return
        }
        if !output.lasting.isEmpty {
            state.display.clear()
            try printer.print(progress.job) { output.lasting }
        }
        state.display.draw(output.live)
    }

    /// Whether to try again; says so once.
    private func isPatient(_ state: inout State) -> Bool {
        guard state.last != nil else { return false }
        if state.away == nil { Printer.note("the coordinator is away: watching again as soon as it is back") }
        let away = state.away ?? .now
        state.away = away
        return ContinuousClock.now - away < Self.patience
    }

    private func result(of last: JobView) throws -> JobView {
        guard last.state == "finished" else {
            throw OperatorError(
                .jobFailed, "job \(last.name) \(last.state)\(last.reason.isEmpty ? "" : ": \(last.reason)")")
        }
        return last
    }
}
