import Foundation
import Identity
import Synchronization

/// A revocation list that tests change while a server uses it.
final class ListAdmission: PeerAdmission {
    private let list = Mutex(RevocationList())

    func change<Result: Sendable>(_ body: (inout RevocationList) -> Result) -> Result {
        list.withLock { body(&$0) }
    }

    func refusalReason(identity: ParticipantIdentity, serial: String, notBefore: Date) -> String? {
        list.withLock { $0.refusalReason(identity: identity, serial: serial, notBefore: notBefore) }
    }
}
