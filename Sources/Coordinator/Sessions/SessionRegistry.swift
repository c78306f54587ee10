internal import Durability
internal import Federation
internal import Foundation
internal import Identity
internal import Jobs
internal import Logging
internal import SwiftProtobuf
internal import Synchronization
internal import Wire
internal import WireMessages

/// What sessions tell the jobs. Called under the registry's lock, in order: implementations only queue the event.
protocol SessionObserver: AnyObject, Sendable {
    /// A client has a session. Returns the tasks it holds that no job knows.
    func clientReady(_ client: String, hello: ClientHello) -> [TaskIdentity]
    /// A client's session ended.
    func clientLost(_ client: String)
    /// A task was handed to a client's session.
    func taskSent(_ identity: TaskIdentity, client: String)
}

/// The live sessions: one a client, and for each client the tasks it has and the ones that wait for it.
///
/// A client works on one task at a time; the others wait in the order in which their jobs offered them. The registry is
/// the coordinator's ``Fleet``: it carries out what the round engines decide and decides nothing itself.
final class SessionRegistry: Sendable {
    private struct Entry {
        var link: SessionLink
        var hello: ClientHello
        /// Whether small weights go with the task.
        var takesInline: Bool
        /// Sent and not done, and what the client held when it connected.
        var current: [TaskIdentity: TaskAssignment?] = [:]
        /// In the order of their offers.
        var waiting: [TaskAssignment] = []
    }

    private struct State {
        var entries: [String: Entry] = [:]
        var specifications: [String: Data] = [:]
        var isDraining = false
    }

    let grants: TransferGrants
    private let weights: SmallWeights
    private let maxSessions: Int
    private let clock: WallClock
    private let crash: CrashPoints
    private let logger: Logger
    private let state: Mutex<State>
    private let observer = Mutex<(any SessionObserver)?>(nil)
    /// Goes off when no session has come or gone for ``calm``.
    private let settled: Alarm

    /// How long no session has to come or go until their traces are tidied up.
    private static let calm: Duration = .seconds(1)
    /// Traces of fewer sessions are not worth the time that tidying takes.
    private static let many = 64

    /// - Parameters:
    ///   - weights: what goes with tasks.
    ///   - onCalm: called when many sessions have come or gone, and then none did for a while. Must not block.
    init(
        limits: GrantMachine.Limits, weights: SmallWeights, maxSessions: Int, clock: WallClock, crash: CrashPoints,
        logger: Logger, onCalm: @escaping @Sendable () -> Void
    ) {
        self.weights = weights
        settled = Alarm(action: onCalm)
        self.maxSessions = maxSessions
        self.clock = clock
        self.crash = crash
        self.logger = logger
        let box = Deliverer()
        grants = TransferGrants(limits: limits) { grant in box.deliver(grant) }
        state = Mutex(State())
        box.set { [weak self] grant in self?.deliver(grant) }
    }

    /// Who is told about sessions. Set once before the first session.
    func observe(_ observer: any SessionObserver) {
        self.observer.withLock { $0 = observer }
    }

    // MARK: Sessions

    /// Whether there is room for a session of a client; one that has a session already may replace it.
    ///
    /// - Throws: ``CoordinatorError`` `limit`.
    func checkRoom(for client: String) throws {
        try state.withLock { state throws(CoordinatorError) in try checkRoom(for: client, in: state) }
    }

    private func checkRoom(for client: String, in state: State) throws(CoordinatorError) {
        guard state.entries[client] == nil, state.entries.count >= maxSessions else { return }
        throw CoordinatorError(
            .limit,
            "the coordinator has \(state.entries.count) sessions and takes no more (maxSessions): another client has to leave first"
        )
    }

    /// Takes a session; an earlier one of the same client ends.
    ///
    /// - Returns: whether there was an earlier one.
    /// - Throws: ``CoordinatorError`` `unavailable` at shutdown, `limit` when there are too many.
    func open(_ link: SessionLink, hello: ClientHello) throws -> Bool {
        let observer = observer.withLock { $0 }
        let (replaced, unknown) = try state.withLock {
            state throws(CoordinatorError) -> (SessionLink?, [TaskIdentity]) in
            guard !state.isDraining else {
                throw CoordinatorError(.unavailable, "the coordinator shuts down")
            }
            try checkRoom(for: link.client, in: state)
            let old = state.entries[link.client]?.link
            var entry = Entry(
                link: link, hello: hello, takesInline: InlineTransfer.isUnderstood(hello.features))
            for task in hello.holding { entry.current[task] = .some(nil) }
            let unknown = observer?.clientReady(link.client, hello: hello) ?? []
            for task in unknown { entry.current[task] = nil }
            state.entries[link.client] = entry
            return (old, unknown)
        }
        noteChange()
        for task in unknown {
            link.send(
                .cancel(
                    .with {
                        $0.identity = task.message
                        $0.reason = "the job is over"
                    }))
        }
        if let replaced {
            grants.drop(client: link.client)
            replaced.send(.drain(.with { $0.reason = SessionEnd.replaced.reason }))
            replaced.finish(.replaced)
        }
        return replaced != nil
    }

    /// What a connected client said of itself.
    func hello(of client: String) -> ClientHello? { state.withLock { $0.entries[client]?.hello } }

    private func noteChange() {
        guard state.withLock({ $0.entries.count >= Self.many }) else { return }
        settled.set(at: ContinuousClock.now + Self.calm)
    }

    /// A session's call is over. Does nothing when another session took its place.
    ///
    /// - Parameter body: called before another session of the client can begin. Must not block and not call back.
    func close(_ link: SessionLink, _ body: () -> Void = {}) {
        let observer = observer.withLock { $0 }
        let wasCurrent = state.withLock { state in
            guard let entry = state.entries[link.client], entry.link === link else { return false }
            body()
            state.entries[link.client] = nil
            observer?.clientLost(link.client)
            return true
        }
        noteChange()
        if wasCurrent { grants.drop(client: link.client) }
    }

    /// Ends a client's session. Returns how many were ended.
    @discardableResult
    func end(client: String, _ end: SessionEnd) -> Int {
        guard let link = state.withLock({ $0.entries[client]?.link }) else { return 0 }
        // Who is revoked is not asked to come back: its call ends with the reason.
        if case .revoked = end {} else { link.send(.drain(.with { $0.reason = end.reason })) }
        link.finish(end)
        return 1
    }

    /// Ends every session and takes no new one.
    func drain() {
        let links = state.withLock { state in
            state.isDraining = true
            return state.entries.values.map(\.link)
        }
        for link in links {
            link.send(
                .drain(
                    .with {
                        $0.reason = SessionEnd.shutdown.reason
                        $0.reconnectMilliseconds = 500
                    }))
            link.finish(.shutdown)
        }
    }

    /// The clients with a session and what they said, in order of their names.
    func connected() -> [(client: String, hello: ClientHello, tasks: [TaskIdentity], lastHeard: Duration)] {
        state.withLock { state in
            Participants.sorted(state.entries.keys).compactMap { client in
                guard let entry = state.entries[client] else { return nil }
                return (
                    client, entry.hello, Array(entry.current.keys), ContinuousClock.now - entry.link.lastHeard
                )
            }
        }
    }

    /// Whether a client has a session.
    func isConnected(_ client: String) -> Bool {
        state.withLock { $0.entries[client] != nil }
    }

    /// Runs `body` for every session while none can come or go: for a job that starts.
    func withConnected(_ body: (_ client: String, _ hello: ClientHello, _ tasks: [TaskIdentity]) -> Void) {
        state.withLock { state in
            for (client, entry) in state.entries { body(client, entry.hello, Array(entry.current.keys)) }
        }
    }

    /// Sends a message to a client; dropped when it has no session.
    func send(_ message: Tributary_V1_CoordinatorMessage.OneOf_Message, to client: String) {
        state.withLock { $0.entries[client]?.link }?.send(message)
    }

    // MARK: Tasks

    /// What a client was asked to do, when it was sent this task in this session.
    func assignment(_ identity: TaskIdentity, client: String) -> TaskAssignment? {
        state.withLock { $0.entries[client]?.current[identity] ?? nil }
    }

    /// Whether the weights went with a task of this session.
    func hasWeights(_ identity: TaskIdentity, client: String) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[client], let assignment = entry.current[identity] ?? nil else {
                return false
            }
            return entry.takesInline && InlineTransfer.fits(assignment.weightsBytes)
        }
    }

    /// A task is over for a client, in whatever way: the next one is sent.
    func finished(_ identity: TaskIdentity, client: String) {
        let link = state.withLock { state -> SessionLink? in
            guard var entry = state.entries[client] else { return nil }
            entry.current[identity] = nil
            entry.waiting.removeAll { $0.identity == identity }
            state.entries[client] = entry
            return entry.link
        }
        if let link { sendNext(to: link) }
    }

    /// Forgets what was remembered for a job.
    func forget(job: String) {
        state.withLock { _ = $0.specifications.removeValue(forKey: job) }
    }

    /// Sends the first waiting task when the client has none.
    private func sendNext(to link: SessionLink) {
        let next = state.withLock { state -> (TaskAssignment, Data, takesInline: Bool)? in
            guard var entry = state.entries[link.client], entry.link === link, entry.current.isEmpty,
                !entry.waiting.isEmpty
            else { return nil }
            let assignment = entry.waiting.removeFirst()
            entry.current[assignment.identity] = assignment
            state.entries[link.client] = entry
            return (assignment, Self.specification(of: assignment, in: &state), entry.takesInline)
        }
        guard let (assignment, specification, takesInline) = next else { return }
        send(assignment, specification, takesInline ? weights.known(assignment.offer.weightsDigest) : nil, over: link)
    }

    /// - Parameter weights: those of the task, when they go with it: then no slot is needed.
    private func send(_ assignment: TaskAssignment, _ specification: Data, _ weights: Data?, over link: SessionLink) {
        let identity = assignment.identity
        let grant =
            weights == nil
            ? grants.offer(
                client: link.client, purpose: TransferPurpose(identity: identity, direction: .fetch),
                bytes: assignment.weightsBytes) : nil
        link.send(
            .task(
                .with {
                    $0.identity = identity.message
                    $0.jobName = assignment.specification.name
                    $0.operator = assignment.operator
                    $0.weightsDigest = assignment.offer.weightsDigest
                    $0.weightsBytes = UInt64(clamping: assignment.weightsBytes)
                    $0.schemaDigest = assignment.schemaDigest
                    $0.specification = specification
                    $0.deadlineMilliseconds = UInt64(clamping: max(1, assignment.offer.deadline - clock.now()))
                    $0.fetchGrant = grant ?? 0
                    if let weights { $0.weights = weights }
                }))
        logger.debug("task sent", metadata: ["client": "\(link.client)", "task": "\(identity)"])
        observer.withLock { $0 }?.taskSent(identity, client: link.client)
        guard identity.kind == .train else { return }
        do {
            try crash.reached(.afterTaskSent)
        } catch {
            logger.warning("crash point", metadata: ["error": "\(error)"])
        }
    }

    private func deliver(_ grant: IssuedGrant) {
        let validity = grants.validity
        let link = state.withLock { $0.entries[grant.client]?.link }
        link?.send(
            .grant(
                .with {
                    $0.request = grant.request
                    $0.grant = grant.grant
                    $0.validMilliseconds = UInt32(clamping: validity.components.seconds * 1000)
                }))
    }

    private static func specification(of assignment: TaskAssignment, in state: inout State) -> Data {
        if let known = state.specifications[assignment.job] { return known }
        // The same bytes for everybody: clients of secure aggregation compare them. A specification came in as JSON and was validated, so it can be written; an empty one would be declined.
        let data = (try? assignment.specification.canonicalJSON()) ?? Data()
        state.specifications[assignment.job] = data
        return data
    }
}

extension SessionRegistry: Fleet {
    func assign(_ assignment: TaskAssignment, to client: String) async {
        await weights.load(assignment.offer.weightsDigest, bytes: assignment.weightsBytes)
        let link = state.withLock { state -> SessionLink? in
            guard var entry = state.entries[client] else { return nil }
            let identity = assignment.identity
            let isHeld = entry.current.keys.contains(identity)
            if isHeld {
                entry.current[identity] = assignment
            } else {
                entry.waiting.removeAll { $0.identity == identity }
                entry.waiting.append(assignment)
            }
            state.entries[client] = entry
            return isHeld ? nil : entry.link
        }
        if let link { sendNext(to: link) }
    }

    func cancel(_ task: RoundTask, job: String, client: String, reason: String) async {
        let identity = TaskIdentity(job: job, task: task)
        let link = state.withLock { state -> SessionLink? in
            guard var entry = state.entries[client] else { return nil }
            entry.waiting.removeAll { $0.identity == identity }
            entry.current[identity] = nil
            state.entries[client] = entry
            return entry.link
        }
        guard let link else { return }
        link.send(
            .cancel(
                .with {
                    $0.identity = identity.message
                    $0.reason = reason
                }))
        sendNext(to: link)
    }
}

/// Breaks the circle between the registry and its grants.
final class Deliverer: Sendable {
    /// The closure lies in a value: taken bare out of a generic `Mutex` it would be wrapped once more each time, so that calls
    /// get deeper with every grant until the stack ends.
    private struct Body {
        let call: @Sendable (IssuedGrant) -> Void
    }

    private let body = Mutex<Body?>(nil)

    func set(_ body: @escaping @Sendable (IssuedGrant) -> Void) {
        self.body.withLock { $0 = Body(call: body) }
    }

    func deliver(_ grant: IssuedGrant) {
        body.withLock { $0 }?.call(grant)
    }
}
