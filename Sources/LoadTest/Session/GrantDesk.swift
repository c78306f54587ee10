internal import Synchronization
internal import WireMessages

/// Asks for slots on one session and hands them out as they come.
final class GrantDesk: Sendable {
    private struct State {
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<UInt64, Never>] = [:]
    }

    private let state = Mutex(State())
    private let outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation

    init(_ outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation) {
        self.outbound = outbound
    }

    /// A slot for a transfer of a task.
    ///
    /// - Throws: `CancellationError`.
    func grant(
        _ identity: Tributary_V1_TaskIdentity, _ direction: Tributary_V1_TransferDirection
    ) async throws -> UInt64 {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        let grant = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.waiting[number] = continuation }
                if Task.isCancelled { resume(number, 0) }
                var message = Tributary_V1_ClientMessage()
                message.transferRequest.request = number
                message.transferRequest.identity = identity
                message.transferRequest.direction = direction
                outbound.yield(message)
            }
        } onCancel: {
            resume(number, 0)
        }
        guard grant != 0 else { throw CancellationError() }
        return grant
    }

    /// The coordinator granted a slot.
    func answer(_ grant: Tributary_V1_TransferGrant) {
        resume(grant.request, grant.grant)
    }

    private func resume(_ request: UInt64, _ grant: UInt64) {
        let continuation = state.withLock { $0.waiting.removeValue(forKey: request) }
        continuation?.resume(returning: grant)
    }
}
