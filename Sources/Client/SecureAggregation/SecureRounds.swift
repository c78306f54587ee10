import Durability
import Identity
import Jobs
import Logging
import Privacy
import Synchronization
import Wire
import WireMessages

/// The rounds with secure aggregation that this daemon has a part in.
///
/// Requests are answered one after the other beside the task that runs, because their cryptography takes time. Secrets are
/// never written: a daemon that is started again has left its open rounds and says so when it is asked.
final class SecureRounds: Sendable {
    /// Of so many rounds at most the secrets are kept; the oldest are forgotten first.
    static let roundsKept = 32

    /// What the rounds need of the rest of the daemon.
    struct Surroundings: Sendable {
        /// Whether the update of a task is finished and waits to be sent.
        var isFinished: @Sendable (TaskIdentity) -> Bool
        /// The round of a task is over: the task ends.
        var cancel: @Sendable (TaskIdentity) -> Void
        /// The client takes no further part in a round: its task ends, and the coordinator is told why.
        var leave: @Sendable (TaskIdentity, _ reason: String) -> Void
    }

    private struct Round {
        /// Tells this round from one of the same name that was begun again.
        var number: Int
        var participant: SecureParticipant
        /// Whether an update got the masks: a second one under them would show the difference of both.
        var isMasked = false
        /// The elements of each tensor of the update, from when it is about to be masked.
        var sizes: [Int] = []
        /// The update that waits for the masks: one at most, of the others nobody would get them.
        var waiter: (number: Int, continuation: CheckedContinuation<UpdateMasking, any Error>)?
    }

    private struct State {
        var rounds: [TaskIdentity: Round] = [:]
        /// Oldest first.
        var order: [TaskIdentity] = []
        var nextWaiter = 0
        var nextRound = 0
        var surroundings: Surroundings?
    }

    private let client: String
    private let rule: SecureAggregationRule?
    private let link: SessionLink
    private let crashPoints: CrashPoints
    private let logger: Logger
    private let state = Mutex(State())
    private let requests: AsyncStream<(TaskIdentity, SecureRequest)>
    private let incoming: AsyncStream<(TaskIdentity, SecureRequest)>.Continuation

    /// - Parameters:
    ///   - rule: what the site demands of rounds.
    ///   - link: says which certificate the session has, which signs the keys.
    init(
        client: String, rule: SecureAggregationRule?, link: SessionLink, crashPoints: CrashPoints, logger: Logger
    ) {
        self.client = client
        self.rule = rule
        self.link = link
        self.crashPoints = crashPoints
        self.logger = logger
        // A coordinator that asks faster than this can be answered is not listened to.
        (requests, incoming) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(256))
    }

    /// Set once before ``run()``.
    func use(_ surroundings: Surroundings) { state.withLock { $0.surroundings = surroundings } }

    /// A task was accepted; nothing happens in a job without secure aggregation.
    ///
    /// - Throws: ``SiteRules/Refusal`` when the daemon has no certificate to sign with; `JobsError`.
    func expect(_ task: AcceptedTask) throws {
        guard task.identity.kind == .train,
            let settings = try SecureAggregationSettings.reading(task.specification.secureAggregation)
        else { return }
        guard let known = link.identity else {
            throw SiteRules.Refusal(
                code: "secure-aggregation", reason: "this session has no certificate to sign keys with")
        }
        // Not that of the files: they can be renewed while the session, whose certificate the coordinator passes on, goes on.
        let identity: @Sendable () throws -> CertificateIdentity = { [link] in
            try CertificateIdentity(link.identity ?? known)
        }
        do {
            _ = try identity()
        } catch {
            throw SiteRules.Refusal(code: "secure-aggregation", reason: "this client cannot sign its keys")
        }
        let participant = SecureParticipant(
            task.identity, of: client, task.specification, settings, terms: task.terms, rule: rule, identity: identity)
        let forgotten = state.withLock { state in
            // Of a job only the newest attempt can go on.
            var old = state.order.filter { $0.job == task.identity.job }
            old += state.order.filter { $0.job != task.identity.job }.dropLast(Self.roundsKept - 1)
            state.rounds[task.identity] = nil
            return old
        }
        for identity in forgotten { forget(identity, reason: "another round took its place") }
        state.withLock { state in
            state.nextRound += 1
            state.rounds[task.identity] = Round(number: state.nextRound, participant: participant)
            state.order.append(task.identity)
        }
    }

    /// The coordinator asks for a step.
    func receive(_ message: Tributary_V1_SecureRequest) {
        do {
            let identity = try TaskIdentity(message.identity)
            guard let request = try SecureRequest(message, to: client) else { return }
            if case .end(let reason) = request {
                // The task first, so that it ends as one that is not wanted and not as one that failed.
                state.withLock { $0.surroundings }?.cancel(identity)
                forget(identity, reason: reason)
            } else {
                incoming.yield((identity, request))
            }
        } catch {
            logger.warning("a request of secure aggregation is malformed", metadata: ["reason": "\(error)"])
            if let identity = try? TaskIdentity(message.identity) { leave(identity, reason: "\(error)") }
        }
    }

    /// What the update of a task is masked with, as soon as that is known; once.
    ///
    /// - Parameter sizes: the elements of each tensor of the masked update.
    /// - Throws: ``ClientError`` when the exchange ends before; `CancellationError`.
    func masking(_ identity: TaskIdentity, sizes: [Int]) async throws -> UpdateMasking {
        let number = state.withLock { state in
            state.nextWaiter += 1
            state.rounds[identity]?.sizes = sizes
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<UpdateMasking, any Error>? = state.withLock { state in
                    if Task.isCancelled { return .failure(CancellationError()) }
                    guard let round = state.rounds[identity] else { return .failure(Self.over("the round is over")) }
                    if round.isMasked || round.waiter != nil {
                        return .failure(Self.over("an update of the round has them already"))
                    }
                    if let masking = round.participant.masking {
                        state.rounds[identity]?.isMasked = true
                        return .success(masking)
                    }
                    state.rounds[identity]?.waiter = (number, continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<UpdateMasking, any Error>? in
                guard let waiter = state.rounds[identity]?.waiter, waiter.number == number else { return nil }
                state.rounds[identity]?.waiter = nil
                return waiter.continuation
            }
            waiter?.resume(throwing: CancellationError())
        }
    }

    /// A round is over: its secrets are forgotten.
    func forget(_ identity: TaskIdentity, reason: String) {
        let round = state.withLock { state in
            state.order.removeAll { $0 == identity }
            return state.rounds.removeValue(forKey: identity)
        }
        round?.waiter?.continuation.resume(throwing: Self.over(reason))
    }

    /// Answers requests until the task is cancelled.
    func run() async {
        for await (identity, request) in requests { await answer(request, of: identity) }
    }

    private func answer(_ request: SecureRequest, of identity: TaskIdentity) async {
        guard let round = state.withLock({ $0.rounds[identity] }) else {
            let isFinished = state.withLock { $0.surroundings }?.isFinished(identity) ?? false
            // An update that was masked before the daemon was started again still counts.
            if case .boxes = request, isFinished { return }
            leave(identity, reason: "the client has no keys of this round any more: it was started again, or left it")
            return
        }
        var participant = round.participant
        participant.sizes = round.sizes
        do {
            switch request {
            case .roster: try crashPoints.reached(.beforeSharing)
            case .survivors: try crashPoints.reached(.beforeSigning)
            case .signatures: try crashPoints.reached(.beforeUnmasking)
            case .invitation, .check, .boxes, .end: break
            }
            let answer = try await participant.take(request)
            let (isOpen, waiter) = state.withLock { state -> (Bool, CheckedContinuation<UpdateMasking, any Error>?) in
                guard state.rounds[identity]?.number == round.number else { return (false, nil) }
                state.rounds[identity]?.participant = participant
                guard participant.masking != nil, let waiter = state.rounds[identity]?.waiter else {
                    return (true, nil)
                }
                state.rounds[identity]?.waiter = nil
                state.rounds[identity]?.isMasked = true
                return (true, waiter.continuation)
            }
            guard isOpen else { return }
            if let masking = participant.masking { waiter?.resume(returning: masking) }
            if let answer { link.send(.secure(answer.message(identity))) }
        } catch {
            guard state.withLock({ $0.rounds[identity]?.number == round.number }) else { return }
            leave(identity, reason: (error as? PrivacyError)?.message ?? "\(error)")
        }
    }

    private func leave(_ identity: TaskIdentity, reason: String) {
        logger.warning(
            "secure aggregation: this client leaves the round",
            metadata: ["task": "\(identity)", "reason": "\(PeerText.clean(reason))"])
        state.withLock { $0.surroundings }?.leave(identity, reason)
        forget(identity, reason: reason)
    }

    private static func over(_ reason: String) -> ClientError {
        ClientError(.secureAggregation, "no masks for the update: \(PeerText.clean(reason))")
    }
}
