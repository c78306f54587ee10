internal import Durability
internal import Federation
internal import Foundation
internal import Identity
internal import Logging
internal import Wire

/// What the services share: one value a coordinator.
struct CoordinatorCore: Sendable {
    let settings: CoordinatorSettings
    let store: Store
    let blobs: BlobStore
    let spool: Spool
    let registry: SessionRegistry
    let transfers: ActiveTransfers
    let board: ActivityBoard
    let changes: JobChanges
    let jobs: JobManager
    let revocations: RevocationBook
    let audit: AuditTrail
    let disk: DiskGuard
    let janitor: Janitor
    let health: HealthState
    let connections: LiveConnections
    let clock: WallClock
    let logger: Logger

    /// Remembers a client whose session begins.
    func sessionOpened(_ link: SessionLink, _ hello: ClientHello) async throws {
        let peer = link.peer
        try await revocations.note(peer)
        try await store.commitClient(
            ClientRecord(
                name: link.client, software: hello.software, datasets: hello.datasets,
                certificateEnds: Int64(peer.notAfter.timeIntervalSince1970 * 1000), lastSeen: clock.now()))
        audit.record(
            .sessionOpened, subject: peer.identity.uri,
            detail: ["serial": peer.serial, "software": hello.software])
        logger.info(
            "session opened",
            metadata: [
                "client": "\(link.client)", "software": "\(hello.software)",
                "datasets": "\(hello.datasets.map(\.name).joined(separator: ","))",
            ])
        let daysLeft = peer.daysLeft(at: Date())
        if daysLeft < 30 {
            logger.warning(
                "a client's certificate ends soon",
                metadata: ["client": "\(link.client)", "daysLeft": "\(daysLeft)"])
        }
    }

    /// Remembers that a session ended. Runs after the call, so it must not wait.
    func sessionClosed(_ link: SessionLink) {
        let reason = link.end?.reason ?? "the connection ended"
        audit.record(.sessionClosed, subject: link.peer.identity.uri, detail: ["reason": reason])
        logger.info("session closed", metadata: ["client": "\(link.client)", "reason": "\(reason)"])
        let isAway = !registry.isConnected(link.client)
        if isAway { store.noteDisconnected(client: link.client, at: clock.now()) }
    }
}
