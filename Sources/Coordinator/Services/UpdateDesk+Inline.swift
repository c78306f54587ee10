internal import Durability
internal import GRPCCore
internal import Identity
internal import Logging
internal import Wire
internal import WireMessages

extension UpdateDesk {
    /// What became of an update that came in a session message.
    ///
    /// What is no fault of the update (a full disk, a coordinator that stops) is answered without a status: the client keeps
    /// the update and sends it by a call.
    ///
    /// - Throws: `WireError` for a message that names no training task, or is malformed and for no task that is wanted: the
    ///   session ends.
    func answer(_ message: Tributary_V1_InlineUpdate, of peer: ParticipantIdentity) async throws
        -> Tributary_V1_InlineReceipt
    {
        let header = message.header
        var answer = Tributary_V1_InlineReceipt()
        answer.identity = header.identity
        answer.digest = header.digest
        do {
            answer.receipt = try await translating { try await judge(message, of: peer) }
        } catch let error as RPCError where (error.cause as? WireError) == nil && error.code != .cancelled {
            if let crash = error.cause as? DurabilityError, crash.code == .crashed { throw crash }
            core.logger.info(
                "an update in a session message was not taken, it may come again",
                metadata: ["client": "\(peer.name)", "reason": "\(error.message)"])
            answer.receipt.reason = error.message
        }
        return answer
    }

    private func judge(
        _ message: Tributary_V1_InlineUpdate, of peer: ParticipantIdentity
    ) async throws -> Tributary_V1_UpdateReceipt {
        let client = peer.name
        let update: UpdateDescription
        do {
            update = try UpdateDescription(message.header)
        } catch let error as WireError {
            guard let receipt = try await refuse(message.header, error, client: client) else { throw error }
            return receipt
        }
        if let receipt = try await receipt(for: update.identity, digest: update.digest, client: client) {
            return receipt
        }
        guard let runner = try await core.jobs.judge(of: update.identity.job) else {
            return Self.receipt(.roundOver, reason: "the job is over")
        }
        // A call with the same update, of before a reconnect, must not write the same file.
        let purpose = TransferPurpose(identity: update.identity, direction: .upload)
        return try await core.transfers.whole(of: peer, purpose: purpose) {
            try await take(update, of: client, runner) { try await $0.receive(whole: message.data) }
        }
    }
}
