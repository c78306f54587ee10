internal import Federation
internal import Foundation
internal import Identity
internal import Jobs
internal import Logging
internal import Privacy
internal import Synchronization
internal import Weights
internal import Wire
internal import WireMessages
internal import X509

/// Carries the exchanges of one job with secure aggregation out: one at a time, for the attempt that is open.
///
/// Its state is in memory only. A coordinator that is started again has forgotten the exchange, so the attempt that was open
/// fails with that reason and the round is begun anew with fresh keys: see ``restart(_:)``. Nothing is lost but the attempt's
/// work, and nobody's masks are used twice.
///
/// Effects are carried out under the lock, in order; none of them waits.
final class SecureAggregator: Sendable {
    /// What the fold needs of an exchange that is over.
    struct Unmasked: Sendable {
        /// Whose updates are in the sum.
        var clients: [String]
        /// What takes the masks off it.
        var masks: [PairwiseMask]
        /// How numbers are written.
        var encoding: LatticeEncoding
        /// What the norms of the updates are checked by; nil in a job without.
        var check: Check?
    }

    /// A check of the norms of masked updates that is still to be made.
    struct Check: Sendable {
        /// The exchange, which is over.
        var exchange: SecureExchange
        /// What the clients were sent.
        var request: ProjectionRequest
        /// How long updates may be.
        var bound: NormBound
    }

    private struct State {
        var machine: SecureRoundMachine?
        /// Kept for a fold that is begun again, after a full disk for one.
        var unmasked: Unmasked?
        /// The fold that waits for the last shares.
        var fold: CheckedContinuation<Void, any Error>?
        /// When the open step is over; an alarm that rings late finds another here.
        var due: ContinuousClock.Instant?
        /// How many messages of each client were written down as refused.
        var recorded: [String: Int] = [:]
    }

    /// So many refused messages of a client are written down in an attempt; the others are only refused.
    private static let recordedPerClient = 16

    private let plan: JobPlan
    private let settings: SecureAggregationSettings
    private let registry: SessionRegistry
    private let audit: AuditTrail
    private let logger: Logger
    private let post: @Sendable (RoundEvent) -> Void
    private let state = Mutex(State())
    private let clock: Alarm

    /// The exchanges of a job; nil for a job without.
    ///
    /// - Parameter post: queues an event for the job's engine.
    init?(plan: JobPlan, context: RunnerContext, post: @escaping @Sendable (RoundEvent) -> Void) {
        guard let settings = try? SecureAggregationSettings.reading(plan.specification.secureAggregation)
        else { return nil }
        self.plan = plan
        self.settings = settings
        registry = context.registry
        audit = context.audit
        logger = context.logger
        self.post = post
        let box = WeakBox()
        clock = Alarm { box.value?.overdue() }
        box.set(self)
    }

    // MARK: The round engine's side

    /// The event with which the job's engine starts: an attempt that is open has lost its exchange.
    static func start(_ open: RoundProgress?) -> RoundEvent {
        guard let open, open.phase == .training else { return .start }
        return .together([
            .attemptAborted(
                round: open.round, attempt: open.attempt,
                reason: "the coordinator was started again: the exchange of this attempt is gone"), .start,
        ])
    }

    /// A cohort is committed.
    ///
    /// - Parameters:
    ///   - weightsDigest: the weights that the round starts from.
    ///   - distributed: the numbers of noise that clients add; nil in a job without it.
    func begin(_ cohort: CohortRecord, weightsDigest: String, distributed: DistributedGaussian?) {
        state.withLock { state in
            state = State()
            do {
                state.machine = try SecureRoundMachine(
                    cohort, of: plan.id, plan.specification, settings,
                    terms: RoundTerms(
                        specification: plan.specification.canonicalJSON(), weightsDigest: weightsDigest),
                    distributed: distributed)
            } catch {
                let reason = (error as? PrivacyError)?.message ?? "\(error)"
                post(.attemptAborted(round: cohort.round, attempt: cohort.attempt, reason: reason))
            }
        }
    }

    /// Why a client that is connected cannot take part at all, if so.
    func refusal(of client: String) -> TaskRefusal? {
        guard settings.projections != nil, let hello = registry.hello(of: client),
            !hello.features.contains(ProtocolVersion.maskedNorm)
        else { return nil }
        return TaskRefusal(
            client: client, code: SecureRoundMachine.code,
            reason:
                "its software, \(hello.software), is older than the job's secureAggregation.projections: found no feature "
                + "\"\(ProtocolVersion.maskedNorm)\" in its hello, expected it")
    }

    /// A task goes out.
    func offered(_ task: RoundTask) { handle(task) { $0.offered() } }

    /// A client gives no update, or no further answer.
    func left(_ client: String, _ task: RoundTask, reason: String) { handle(task) { $0.left(client, reason: reason) } }

    /// An attempt is over; its clients forget their secrets.
    ///
    /// - Parameter task: nil for whichever is open.
    func end(_ task: RoundTask? = nil, reason: String) {
        let cohort = state.withLock { state -> (SecureRoundMachine, CheckedContinuation<Void, any Error>?)? in
            guard let machine = state.machine, task == nil || machine.task == task else { return nil }
            defer { state = State() }
            return (machine, state.fold)
        }
        clock.set(at: nil)
        guard let (machine, fold) = cohort else { return }
        fold?.resume(throwing: CancellationError())
        let message = SecureRequest.end(reason: reason).message(identity(machine.task))
        for client in machine.cohort { registry.send(.secure(message), to: client) }
    }

    /// Nothing happens any more.
    func close() {
        clock.cancel()
        state.withLock { state in
            state.fold?.resume(throwing: CancellationError())
            state = State()
        }
    }

    /// Closes the list of updates, has it signed, and puts the masks of the sum together. The same again when it is asked
    /// again.
    ///
    /// - Throws: `PrivacyError` when too few are left or a secret cannot be put together: nothing of the attempt can be used.
    func unmask(_ order: AggregationOrder) async throws -> Unmasked {
        let task = RoundTask(.train, round: order.round, attempt: order.attempt)
        let clients = order.updates.map(\.client)
        if let known = state.withLock({ $0.machine?.task == task ? $0.unmasked : nil }), known.clients == clients {
            return known
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                fold(clients, of: task, continuation)
            }
        } onCancel: {
            state.withLock { state in
                state.fold?.resume(throwing: CancellationError())
                state.fold = nil
            }
        }
        guard let machine = state.withLock({ $0.machine }), machine.task == task else { throw CancellationError() }
        let sizes = plan.encoded.plain.tensors.map { $0.byteCount / 4 }
        let bound = try NormBound(
            settings, encoding: machine.encoding, elements: sizes.reduce(0, +), clients: machine.cohort.count)
        let unmasked = try await withBlockingWork {
            var exchange = machine.exchange
            let masks = try exchange.closeUnmasking()
            var unmasked = Unmasked(clients: exchange.survivors, masks: masks, encoding: machine.encoding)
            if let bound, let seed = machine.seed {
                let request = ProjectionRequest(seed: seed, count: bound.projections, sizes: sizes)
                unmasked.check = Check(exchange: exchange, request: request, bound: bound)
            }
            return unmasked
        }
        state.withLock { state in
            if state.machine?.task == task { state.unmasked = unmasked }
        }
        return unmasked
    }

    private func fold(_ clients: [String], of task: RoundTask, _ continuation: CheckedContinuation<Void, any Error>) {
        state.withLock { state in
            do {
                guard var machine = state.machine, machine.task == task, !Task.isCancelled else {
                    throw PrivacyError(
                        .protocolViolation,
                        "secure aggregation: the exchange of the attempt is gone: the coordinator was started again")
                }
                // Made after the last update came, so that none could be fitted to it.
                let effects = try machine.fold(clients, seed: PrivacySecret().rawBytes)
                state.machine = machine
                state.fold = continuation
                carryOut(effects, &state)
            } catch {
                continuation.resume(throwing: error)
            }
        }
    }

    // MARK: The clients' side

    /// A client works on its task.
    func accepted(_ client: String, _ task: RoundTask) { handle(task) { $0.accepted(client) } }

    /// A client has a new session.
    func connected(_ client: String) { handle(nil) { $0.connected(client) } }

    /// Whether a client's masked update can be in the sum; false when the attempt is about to end for want of its exchange.
    ///
    /// - Throws: `AdmissionRefusal` when the client has no part in it.
    func takesUpdate(of client: String, _ task: RoundTask) throws(AdmissionRefusal) -> Bool {
        let mayUpload = state.withLock { state in
            state.machine.flatMap { $0.task == task ? $0.mayUpload(client) : nil }
        }
        guard let mayUpload else { return false }
        guard mayUpload else {
            throw AdmissionRefusal(
                code: SecureRoundMachine.code,
                reason: "the client did not share its secrets in this attempt: nobody could take its masks off the sum")
        }
        return true
    }

    /// Takes a client's message; whatever it says, the round goes on.
    func take(_ message: Tributary_V1_SecureAnswer, of client: String, certificate: Certificate?, _ task: RoundTask) {
        do {
            guard let answer = try SecureAnswer(message, of: client) else { return }
            let checks = registry.hello(of: client)?.features.contains(ProtocolVersion.secureCheck) ?? false
            let isOpen = handle(task) {
                $0.take(answer, of: client, certificate: certificate, at: Date(), checks: checks)
            }
            if !isOpen {
                state.withLock { state in
                    let reason = "\(answer.name) for an attempt that is not open"
                    record(client, task, code: "out-of-order", reason: reason, &state)
                }
            }
        } catch {
            let reason = PeerText.clean((error as? WireError)?.message ?? "\(error)")
            state.withLock { record(client, task, code: "message", reason: reason, &$0) }
            handle(task) { machine in
                guard machine.left[client] == nil, machine.cohort.contains(client) else { return [] }
                return [.refuse([TaskRefusal(client: client, code: SecureRoundMachine.code, reason: reason)])]
                    + machine.left(client, reason: reason)
            }
        }
    }

    // MARK: Effects

    /// Hands an event to the machine of an attempt. Returns whether that attempt is open.
    @discardableResult
    private func handle(
        _ task: RoundTask?, _ body: (inout SecureRoundMachine) -> [SecureRoundMachine.Effect]
    ) -> Bool {
        state.withLock { state in
            guard var machine = state.machine, task == nil || machine.task == task else { return false }
            let effects = body(&machine)
            state.machine = machine
            carryOut(effects, &state)
            return true
        }
    }

    /// The alarm rings.
    func overdue() {
        state.withLock { state in
            guard let due = state.due, due <= .now, var machine = state.machine else { return }
            let effects = machine.overdue()
            state.machine = machine
            carryOut(effects, &state)
        }
    }

    private func carryOut(_ effects: [SecureRoundMachine.Effect], _ state: inout State) {
        guard let task = state.machine?.task else { return }
        var events: [RoundEvent] = []
        for effect in effects {
            switch effect {
            case .send(let request, let client):
                registry.send(.secure(request.message(identity(task))), to: client)
            case .record(let client, let code, let reason):
                record(client, task, code: code, reason: reason, &state)
            case .refuse(let refusals):
                events += refusals.map { .taskRefused(task: task, refusal: $0, isDeclined: false) }
            case .startClock:
                let due = ContinuousClock.now.advanced(by: .milliseconds(Int64(settings.stepDeadline * 1000)))
                state.due = due
                clock.set(at: due)
            case .stopClock:
                state.due = nil
                clock.set(at: nil)
            case .abort(let reason):
                if let fold = state.fold {
                    state.fold = nil
                    fold.resume(throwing: PrivacyError(.protocolViolation, reason))
                } else {
                    events.append(.attemptAborted(round: task.round, attempt: task.attempt, reason: reason))
                }
            case .complete:
                state.fold?.resume()
                state.fold = nil
            }
        }
        if !events.isEmpty { post(events.count == 1 ? events[0] : .together(events)) }
    }

    private func record(
        _ client: String, _ task: RoundTask, code: String, reason: String, _ state: inout State
    ) {
        guard state.recorded[client, default: 0] < Self.recordedPerClient else { return }
        state.recorded[client, default: 0] += 1
        logger.warning(
            "secure aggregation: message refused",
            metadata: [
                "client": "\(client)", "task": "\(identity(task))", "code": "\(code)", "reason": "\(reason)",
            ])
        audit.record(
            .secureMessageRefused, subject: client,
            detail: [
                "job": plan.id, "round": "\(task.round)", "attempt": "\(task.attempt)", "code": code, "reason": reason,
            ])
    }

    private func identity(_ task: RoundTask) -> TaskIdentity { TaskIdentity(job: plan.id, task: task) }
}

/// Lets the alarm, which is made first, find its owner.
private final class WeakBox: Sendable {
    private struct Reference { weak var owner: SecureAggregator? }
    private let reference = Mutex(Reference())

    var value: SecureAggregator? { reference.withLock { $0.owner } }

    func set(_ owner: SecureAggregator) { reference.withLock { $0.owner = owner } }
}
