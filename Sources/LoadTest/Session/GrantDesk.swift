internal import Synchronization
internal import Wire
internal import WireMessages

/// Asks for slots and sends small updates on one session, and hands the answers out as they come.
final class GrantDesk: Sendable {
    private struct State {
        var next: UInt64 = 0
        var waiting: [UInt64: CheckedContinuation<UInt64, Never>] = [:]
        var takesInline = false
        /// Who waits for what became of the update of a task.
        var submissions: [Tributary_V1_TaskIdentity: CheckedContinuation<Tributary_V1_UpdateReceipt?, Never>] = [:]
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

    /// Whether the coordinator takes small updates in session messages; known with its welcome.
    var takesInline: Bool { state.withLock { $0.takesInline } }

    /// The session is open.
    func welcomed(_ welcome: Tributary_V1_Welcome) {
        state.withLock { $0.takesInline = InlineTransfer.isUnderstood(welcome.features) }
    }

    /// Sends a small update and returns what became of it.
    ///
    /// - Throws: `CancellationError`.
    func submit(_ update: Tributary_V1_InlineUpdate) async throws -> Tributary_V1_UpdateReceipt {
        let identity = update.header.identity
        let receipt = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                state.withLock { $0.submissions[identity] = continuation }
                if Task.isCancelled { resume(identity, nil) }
                var message = Tributary_V1_ClientMessage()
                message.update = update
                outbound.yield(message)
            }
        } onCancel: {
            resume(identity, nil)
        }
        guard let receipt else { throw CancellationError() }
        return receipt
    }

    /// The coordinator told what became of an update.
    func answer(_ receipt: Tributary_V1_InlineReceipt) {
        resume(receipt.identity, receipt.receipt)
    }

    private func resume(_ identity: Tributary_V1_TaskIdentity, _ receipt: Tributary_V1_UpdateReceipt?) {
        let continuation = state.withLock { $0.submissions.removeValue(forKey: identity) }
        continuation?.resume(returning: receipt)
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
