public import Foundation
public import Identity
internal import Logging
internal import Synchronization

/// Who is revoked: durable in the store, answered from memory at every handshake and call.
public final class RevocationBook: PeerAdmission {
    private let store: Store
    private let list: Mutex<RevocationList>

    /// The book as it was stored.
    public init(store: Store) async throws {
        self.store = store
        list = Mutex(try await store.revocations())
    }

    /// Nil to admit, otherwise why not.
    public func refusalReason(identity: ParticipantIdentity, serial: String, notBefore: Date) -> String? {
        list.withLock { $0.refusalReason(identity: identity, serial: serial, notBefore: notBefore) }
    }

    /// Whether a participant is revoked now.
    public func isRevoked(_ identity: ParticipantIdentity) -> Bool {
        list.withLock { $0.isRevoked(identity) }
    }

    /// What is known about everybody.
    public var entries: [ParticipantIdentity: RevocationList.Entry] {
        list.withLock { $0.entries }
    }

    /// Revokes a participant; in force at once, durable when this returns. Returns false when it was revoked already.
    ///
    /// - Parameter inForce: called before it is durable, which may take long on a full disk.
    func revoke(
        _ identity: ParticipantIdentity, at time: Date, reason: String, inForce: () -> Void = {}
    ) async throws -> Bool {
        let isNew = list.withLock { $0.revoke(identity, at: time, reason: reason) }
        inForce()
        try await commit(identity)
        return isNew
    }

    /// Takes a revocation back; durable when this returns. Returns false when there was none.
    func reinstate(_ identity: ParticipantIdentity, at time: Date) async throws -> Bool {
        let isNew = list.withLock { $0.reinstate(identity, at: time) }
        try await commit(identity)
        return isNew
    }

    /// Notes a certificate in use, so that a later revocation also ends it after a reinstatement.
    func note(_ peer: PeerIdentity) async throws {
        if list.withLock({ $0.note(serial: peer.serial, of: peer.identity) }) { try await commit(peer.identity) }
    }

    /// What was changed may still wait to be written, or its writing have failed: who asks again writes it again.
    private func commit(_ identity: ParticipantIdentity) async throws {
        try await store.commitRevocation(identity) { [self] in list.withLock { $0.entries[identity] } }
    }
}
