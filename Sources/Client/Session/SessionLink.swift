import GRPCCore
import Identity
import Synchronization
import Wire
import WireMessages

/// What the parts of the daemon that do the work know of the session: whether there is one, how to send on it, and
/// slots for transfers. Sessions come and go; work goes on.
final class SessionLink: Sendable {
    typealias Outbound = AsyncStream<Tributary_V1_ClientMessage>.Continuation

    /// A live session.
    struct Live: Sendable {
        /// Counts the sessions of this process, from 1.
        var generation: Int
        fileprivate var connection: CoordinatorConnection
        /// For calls beside the session.
        var client: any Tributary_V1_Federation.ClientProtocol { connection.client }
        /// Whether the coordinator takes small updates in session messages.
        var takesInline: Bool
        fileprivate var outbound: Outbound
    }

    /// A slot asked for, by its number and session.
    struct Request: Sendable, Hashable {
        fileprivate var number: UInt64
        fileprivate var generation: Int
    }

    /// What is known of a request.
    private enum Slot {
        case waiting(CheckedContinuation<UInt64, any Error>?)
        case granted(UInt64)
    }

    /// An update whose receipt is awaited.
    private struct Submission: Hashable {
        var identity: TaskIdentity
        var digest: String
    }

    private struct State {
        var submissions: [Submission: CheckedContinuation<Tributary_V1_UpdateReceipt, any Error>] = [:]
        var live: Live?
        var generation = 0
        var nextRequest: UInt64 = 1
        var nextWaiter = 0
        var slots: [UInt64: Slot] = [:]
        var waiters: [Int: (after: Int, CheckedContinuation<Live, any Error>)] = [:]
    }

    private let state = Mutex(State())

    /// A session is accepted.
    func attach(_ connection: CoordinatorConnection, outbound: Outbound, takesInline: Bool = false) -> Int {
        let (live, waiters) = state.withLock { state in
            state.generation += 1
            let live = Live(
                generation: state.generation, connection: connection, takesInline: takesInline, outbound: outbound)
            state.live = live
            let ready = state.waiters.filter { $0.value.after < live.generation }
            for key in ready.keys { state.waiters[key] = nil }
            return (live, ready.values.map { $0.1 })
        }
        for waiter in waiters { waiter.resume(returning: live) }
        return live.generation
    }

    /// A session ended: requests for slots and updates that wait fail.
    func detach(_ generation: Int) {
        var ended = State()
        state.withLock { state in
            guard state.live?.generation == generation else { return }
            state.live = nil
            swap(&state.slots, &ended.slots)
            swap(&state.submissions, &ended.submissions)
        }
        for case .waiting(let continuation) in ended.slots.values { continuation?.resume(throwing: Self.lost) }
        for continuation in ended.submissions.values { continuation.resume(throwing: Self.lost) }
    }

    static let lost = RPCError(code: .unavailable, message: "the session ended")

    /// The session, as soon as there is one that is newer than `generation`.
    ///
    /// - Throws: `CancellationError` when the task is cancelled.
    func live(after generation: Int = 0) async throws -> Live {
        let waiter = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<Live, any Error>? = state.withLock { state in
                    if let live = state.live, live.generation > generation { return .success(live) }
                    if Task.isCancelled { return .failure(CancellationError()) }
                    state.waiters[waiter] = (generation, continuation)
                    return nil
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            let continuation = state.withLock { $0.waiters.removeValue(forKey: waiter)?.1 }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// The number of the live session, nil without one.
    var generation: Int? { state.withLock { $0.live?.generation } }

    /// With whose certificate the live session's connection was made; nil without a session, or without a certificate.
    var identity: IdentityMaterial? { state.withLock { $0.live?.connection.identity } }

    /// Whether a request belongs to the live session.
    func isCurrent(_ request: Request) -> Bool { generation == request.generation }

    /// Sends on the session; without one the message is dropped. Returns whether there was one.
    @discardableResult
    func send(_ message: Tributary_V1_ClientMessage.OneOf_Message) -> Bool {
        guard let outbound = state.withLock({ $0.live?.outbound }) else { return false }
        var wrapped = Tributary_V1_ClientMessage()
        wrapped.message = message
        outbound.yield(wrapped)
        return true
    }

    /// Whether the live session's coordinator takes small updates in session messages.
    var takesInline: Bool { state.withLock { $0.live?.takesInline ?? false } }

    /// Sends an update in a session message and waits for what became of it.
    ///
    /// - Throws: `unavailable` when the session ends first, `CancellationError` when the task is cancelled.
    func submit(_ update: Tributary_V1_InlineUpdate, on live: Live) async throws -> Tributary_V1_UpdateReceipt {
        let submission = Submission(
            identity: try TaskIdentity(update.header.identity), digest: update.header.digest)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let failure: (any Error)? = state.withLock { state in
                    guard !Task.isCancelled else { return CancellationError() }
                    // One courier brings one update at a time.
                    guard state.live?.generation == live.generation, state.submissions[submission] == nil else {
                        return Self.lost
                    }
                    state.submissions[submission] = continuation
                    return nil
                }
                if let failure {
                    continuation.resume(throwing: failure)
                } else {
                    var message = Tributary_V1_ClientMessage()
                    message.update = update
                    live.outbound.yield(message)
                }
            }
        } onCancel: {
            let continuation = state.withLock { $0.submissions.removeValue(forKey: submission) }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// The coordinator told what became of an update; nothing happens when none waits for it.
    func received(_ receipt: Tributary_V1_InlineReceipt) {
        guard let identity = try? TaskIdentity(receipt.identity) else { return }
        let submission = Submission(identity: identity, digest: receipt.digest)
        let continuation = state.withLock { $0.submissions.removeValue(forKey: submission) }
        continuation?.resume(returning: receipt.receipt)
    }

    /// Asks for a slot; nil without a session. The answer is awaited with ``grant(_:)`` or given back with
    /// ``abandon(_:)``.
    func request(
        _ direction: Tributary_V1_TransferDirection, for identity: TaskIdentity, bytes: Int64
    ) -> Request? {
        let request: Request? = state.withLock { state in
            guard let live = state.live else { return nil }
            defer { state.nextRequest += 1 }
            state.slots[state.nextRequest] = .waiting(nil)
            return Request(number: state.nextRequest, generation: live.generation)
        }
        guard let request else { return nil }
        var message = Tributary_V1_TransferRequest()
        message.request = request.number
        message.identity = identity.message
        message.direction = direction
        message.bytes = UInt64(clamping: bytes)
        send(.transferRequest(message))
        return request
    }

    /// Waits for a slot.
    ///
    /// - Throws: `unavailable` when the session ends first, `CancellationError` when the task is cancelled.
    func grant(_ request: Request) async throws -> UInt64 {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result: Result<UInt64, any Error>? = state.withLock { state in
                    switch state.slots[request.number] {
                    case .granted(let grant):
                        state.slots[request.number] = nil
                        return .success(grant)
                    case .waiting:
                        if Task.isCancelled {
                            state.slots[request.number] = nil
                            return .failure(CancellationError())
                        }
                        state.slots[request.number] = .waiting(continuation)
                        return nil
                    case nil:
                        return .failure(Task.isCancelled ? CancellationError() : Self.lost)
                    }
                }
                if let result { continuation.resume(with: result) }
            }
        } onCancel: {
            abandon(request)
        }
    }

    /// Gives a request up: a slot that is or will be granted for it goes back.
    func abandon(_ request: Request) {
        let slot = state.withLock { $0.slots.removeValue(forKey: request.number) }
        switch slot {
        case .granted(let grant): release(grant)
        case .waiting(let continuation): continuation?.resume(throwing: CancellationError())
        case nil: break
        }
    }

    /// The coordinator granted a slot.
    func granted(_ number: UInt64, grant: UInt64) {
        let (continuation, isWanted): (CheckedContinuation<UInt64, any Error>?, Bool) = state.withLock { state in
            guard case .waiting(let continuation) = state.slots[number] else { return (nil, false) }
            state.slots[number] = continuation == nil ? .granted(grant) : nil
            return (continuation, true)
        }
        continuation?.resume(returning: grant)
        if !isWanted { release(grant) }
    }

    /// Gives a slot back.
    func release(_ grant: UInt64) {
        guard grant != 0 else { return }
        var message = Tributary_V1_TransferReleased()
        message.grant = grant
        send(.transferReleased(message))
    }
}
