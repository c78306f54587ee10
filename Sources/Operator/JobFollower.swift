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
    }

    private let printer: Printer

    /// A follower that prints through `printer`.
    public init(printer: Printer) { self.printer = printer }

    /// Follows `job`; throws `OperatorError.Code.jobFailed` when it ends otherwise than finished.
    @discardableResult
    public func follow<Transport>(
        _ job: String,
        from round: Int = 0,
        on connection: OperatorConnection<Transport>
    ) async throws -> JobView {
        let state = Mutex(State(display: LiveDisplay()))
        try await connection.watch(job: job, fromRound: round) { progress in
            try state.withLock { state in
                state.last = progress.job
                if printer.isJSON {
                    let change = Change(job: progress.job, rounds: progress.rounds, activity: progress.activity)
                    try printer.print(change) { [] }
                    return
                }
                let output = state.screen.apply(progress)
                if !output.lasting.isEmpty {
                    state.display.clear()
                    try printer.print(progress.job) { output.lasting }
                }
                state.display.draw(output.live)
            }
        }
        let last = state.withLock { state in
            state.display.clear()
            return state.last
        }
        guard let last, last.hasEnded else {
            throw OperatorError(
                .unreachable, "the coordinator ended the stream before the job ended; watch again to go on")
        }
        guard last.state == "finished" else {
            throw OperatorError(
                .jobFailed, "job \(last.name) \(last.state)\(last.reason.isEmpty ? "" : ": \(last.reason)")")
        }
        return last
    }
}
