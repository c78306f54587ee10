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
        var outages = Outages()
    }

    private let printer: Printer
    private let pause: Duration

    /// A follower that prints through `printer`.
    ///
    /// - Parameter pause: how long to wait before a coordinator that is away is asked again.
    public init(printer: Printer, pause: Duration = .seconds(1)) {
        self.printer = printer
        self.pause = pause
    }

    /// Follows `job`, also over a coordinator that ends and is started again: it may be away for two minutes at a time, and
    /// end ten times without completing a round in between.
    ///
    /// - Throws: `OperatorError` with the code `jobFailed` when the job ends otherwise than finished, `unreachable` when there is
    ///   no coordinator at the beginning, `lost` when it stays away, or ends again and again.
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
            try state.withLock { try bear(failure, &$0) }
            try await Task.sleep(for: pause)
        }
    }

    private func show(_ progress: JobProgress, _ state: inout State) throws {
        state.last = progress.job
        state.outages.heard(rounds: progress.job.rounds)
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

    /// Returns when the coordinator is to be asked again; says so once an outage.
    private func bear(_ failure: OperatorError, _ state: inout State) throws {
        guard let last = state.last else { throw failure }
        let job = TextTable.printable(last.name)
        let standing = "job \(job) had completed \(last.rounds) of \(last.roundsTotal) rounds"
        switch state.outages.missed(at: .now) {
        case .wait(isNew: true):
            Printer.note("the coordinator is away: watching again as soon as it is back")
        case .wait(isNew: false):
            break
        case .tooLong:
            throw OperatorError(
                .lost,
                "the coordinator stayed away for \(Outages.longest.components.seconds) s; \(standing) and goes on when the "
                    + "coordinator is started again. Then `tributary watch \(last.job)` follows it. (\(failure))")
        case .tooOften:
            throw OperatorError(
                .lost,
                "the coordinator ended \(state.outages.count) times while no round was completed; \(standing). Its log "
                    + "says why it ends; once it stays up, `tributary watch \(last.job)` follows the job again")
        }
    }

    private func result(of last: JobView) throws -> JobView {
        guard last.state == "finished" else {
            throw OperatorError(
                .jobFailed, "job \(last.name) \(last.state)\(last.reason.isEmpty ? "" : ": \(last.reason)")")
        }
        return last
    }
}
