import Durability
import GRPCCore
import Logging
import Synchronization
import Wire
import WireMessages

/// Brings the results in the outbox to the coordinator, one after the other, until each has its final answer.
final class Courier: Sendable {
    private struct State {
        /// Slots asked for before the update was ready.
        var requests: [TaskIdentity: SessionLink.Request] = [:]
        /// Updates of which the coordinator may hold a part, or that it may have answered.
        var attempted: Set<TaskIdentity>
        /// The session on which a report was sent last.
        var reported: [TaskIdentity: Int] = [:]
        var failures = 0
    }

    private let transfers: TransferClient
    private let progress: ProgressReporter
    private let logger: Logger
    private let state: Mutex<State>
    private let wakes: AsyncStream<Void>
    private let wakeUp: AsyncStream<Void>.Continuation

    private var outbox: Outbox { transfers.outbox }
    private var link: SessionLink { transfers.link }

    init(transfers: TransferClient, progress: ProgressReporter, logger: Logger) {
        self.transfers = transfers
        self.progress = progress
        self.logger = logger
        state = Mutex(State(attempted: Set(transfers.outbox.entries.map(\.identity))))
        (wakes, wakeUp) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Asks for the slot of an update that will be ready in a moment.
    func expect(_ identity: TaskIdentity, bytes: Int64) {
        // A small one needs no slot.
        guard !transfers.isInline(bytes) else { return }
        guard let request = link.request(.upload, for: identity, bytes: bytes) else { return }
        state.withLock { $0.requests[identity] = request }
    }

    /// The update that was expected does not come.
    func expectNoMore(_ identity: TaskIdentity) {
        let request = state.withLock { $0.requests.removeValue(forKey: identity) }
        if let request { link.abandon(request) }
    }

    /// A result is in the outbox.
    func deliver(_ entry: OutboxEntry) {
        if entry.update == nil {
            report(entry)
        } else {
            wakeUp.yield()
        }
    }

    /// There is a new session: everything is tried again.
    func sessionBegan() {
        wakeUp.yield()
    }

    /// The coordinator has an evaluation report for good, or refuses it.
    func acknowledged(_ identity: TaskIdentity, accepted: Bool, reason: String) {
        guard identity.kind == .evaluate, outbox.contains(identity) else { return }
        if !accepted {
            logger.warning(
                "the coordinator refused an evaluation", metadata: ["task": "\(identity)", "reason": "\(reason)"])
        }
        settle(identity)
    }

    /// Works until the task is cancelled.
    func run() async {
        for await _ in wakes {
            while !Task.isCancelled {
                guard let wait = await deliverAll() else { break }
                try? await Task.sleep(for: wait)
            }
        }
    }

    /// One pass; nil when there is nothing to do before the next wake-up, otherwise how long to wait for the next pass.
    private func deliverAll() async -> Duration? {
        var hasFailed = false
        for entry in outbox.entries {
            guard let live = try? await link.live() else { return nil }
            guard let update = entry.update else {
                report(entry)
                continue
            }
            do {
                try await upload(entry, update, on: live)
                state.withLock { $0.failures = 0 }
            } catch {
                if Task.isCancelled { return nil }
                hasFailed = true
                logger.info(
                    "an upload is not finished, trying again",
                    metadata: ["task": "\(entry.identity)", "reason": "\(error)"])
            }
        }
        guard hasFailed else { return nil }
        let failures = state.withLock { state in
            state.failures += 1
            return state.failures
        }
        return .milliseconds(min(50 << min(failures, 10), 10_000))
    }

    private func upload(_ entry: OutboxEntry, _ update: OutboxEntry.Update, on live: SessionLink.Live) async throws {
        let identity = entry.identity
        let (request, mayBePartial) = state.withLock { state in
            (state.requests.removeValue(forKey: identity), !state.attempted.insert(identity).inserted)
        }
        progress.stage("uploading", identity)
        let receipt = try await transfers.upload(
            entry, update, on: live, request: request.flatMap { link.isCurrent($0) ? $0 : nil },
            mayBePartial: mayBePartial
        ) { [progress] fraction in progress.report(identity, "uploading", fraction: fraction, metrics: [:]) }
        switch receipt.status {
        case .committed, .alreadyCommitted:
            logger.info("update acknowledged", metadata: ["task": "\(identity)"])
        case .roundOver:
            logger.notice("the update came too late", metadata: ["task": "\(identity)"])
        case .refused:
            logger.warning(
                "the coordinator refused an update",
                metadata: [
                    "task": "\(identity)", "code": "\(PeerText.word(receipt.code, fallback: "refused"))",
                    "reason": "\(PeerText.clean(receipt.reason))",
                ])
        case .unspecified, .UNRECOGNIZED:
            let reason = PeerText.clean(receipt.reason)
            throw ClientError(
                .transfer,
                "the coordinator answered the upload without an outcome" + (reason.isEmpty ? "" : ": \(reason)"))
        }
        try transfers.crashPoints.reached(.afterAcknowledgement)
        settle(identity)
    }

    /// Sends an evaluation report, once a session.
    private func report(_ entry: OutboxEntry) {
        guard let generation = link.generation else { return }
        let isNew = state.withLock { $0.reported.updateValue(generation, forKey: entry.identity) != generation }
        guard isNew else { return }
        var report = Tributary_V1_EvaluationReport()
        report.identity = entry.identity.message
        report.weightsDigest = entry.weightsDigest
        report.statistics = entry.statistics.message
        link.send(.evaluation(report))
    }

    private func settle(_ identity: TaskIdentity) {
        do {
            try outbox.remove(identity)
        } catch {
            logger.error("cannot clear the outbox", metadata: ["task": "\(identity)", "error": "\(error)"])
        }
        state.withLock { state in
            state.attempted.remove(identity)
            state.reported[identity] = nil
        }
        progress.forget(identity)
    }
}
