internal import Foundation
internal import Identity
internal import Logging

extension CoordinatorCore {
    /// Revokes a participant: in force at once, durable and its sessions and calls ended when this returns.
    ///
    /// - Returns: how many live sessions were ended.
    func revoke(_ identity: ParticipantIdentity, reason: String, by operatorIdentity: ParticipantIdentity) async throws
        -> Int
    {
        var closed = 0
        let isNew = try await revocations.revoke(identity, at: now, reason: reason) {
            closed = endCalls(of: identity, reason: reason)
            if identity.role == .client { jobs.clientRevoked(identity.name) }
        }
        if isNew {
            try await audit.recordDurably(
                .revoked, subject: identity.uri, detail: ["reason": reason, "by": operatorIdentity.uri])
            logger.warning(
                "participant revoked",
                metadata: ["identity": "\(identity)", "reason": "\(reason)", "by": "\(operatorIdentity.name)"])
        }
        return closed
    }

    /// Takes a revocation back.
    func reinstate(_ identity: ParticipantIdentity, by operatorIdentity: ParticipantIdentity) async throws {
        guard try await revocations.reinstate(identity, at: now) else {
            throw CoordinatorError(.conflict, "\(identity.role) \(identity.name) is not revoked")
        }
        try await audit.recordDurably(.reinstated, subject: identity.uri, detail: ["by": operatorIdentity.uri])
        logger.notice("participant reinstated", metadata: ["identity": "\(identity)"])
    }

    private func endCalls(of identity: ParticipantIdentity, reason: String) -> Int {
        let calls = transfers.end(identity, CoordinatorError(.revoked, "revoked: \(reason)"))
        let sessions =
            identity.role == .client ? registry.end(client: identity.name, .revoked(reason: reason)) : calls
        // The connection goes with everything on it; a session whose peer does not answer is not waited for.
        connections.close(identity)
        return sessions
    }

    private var now: Date { Date(timeIntervalSince1970: Double(clock.now()) / 1000) }
}
