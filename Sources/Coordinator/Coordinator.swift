internal import Durability
internal import Federation
internal import Foundation
public import GRPCCore
public import Identity
public import Logging
internal import Wire

/// A coordinator on its state folder: the store, the blobs, the jobs and the services, without a network.
///
/// ``run()`` drives the jobs; a server hands its calls to ``services``. Every call must carry a `PeerIdentity` in its
/// context, as `RoleInterceptor` puts it there.
public final class Coordinator: Sendable {
    let core: CoordinatorCore
    private let lastAlive: Int64?
    private let lock: InstanceLock
    private let connections: LiveConnections

    /// Who is revoked, for the handshake and the interceptor.
    public var revocations: RevocationBook { core.revocations }
    /// The audit log.
    public var auditLog: AuditLog { core.audit.log }

    /// The services, for a gRPC server.
    public var services: [any RegistrableRPCService] {
        [FederationService(core: core), OperationsService(core: core), HealthService(health: core.health)]
    }

    /// Who may call which service.
    public static let roles: [String: Set<Role>] = [
        "tributary.v1.Federation": [.client], "tributary.v1.Operations": [.operator],
        "grpc.health.v1.Health": [.client, .operator, .coordinator],
    ]

    /// Opens a state folder: takes its lock, brings the store up to date, and removes files that no row refers to.
    ///
    /// - Throws: `DurabilityError` `locked` when another coordinator runs on the folder; ``CoordinatorError`` when the
    ///   store cannot be opened or files that rows refer to are missing.
    public static func open(
        folder: String, settings: CoordinatorSettings, logger: Logger
    ) async throws -> Coordinator {
        try PosixFileSystem().makeDirectory(folder)
        let lock = try InstanceLock(path: "\(folder)/lock")
        var store = try Store(path: "\(folder)/state.sqlite")
        let blobs = try BlobStore(folder: "\(folder)/blobs", fileSystem: settings.fileSystem)
        let spool = try Spool(folder: "\(folder)/spool", fileSystem: settings.fileSystem)
        let secrets = try JobSecrets(folder: "\(folder)/secrets", fileSystem: settings.fileSystem)
        try await sweep(store, blobs, spool)
        let log = try AuditLog(path: "\(folder)/audit.log")
        if log.repairedBytes > 0 {
            logger.warning("the audit log was cut back", metadata: ["bytes": "\(log.repairedBytes)"])
        }
        let lastAlive = try await store.commitStart()
        // From here on there is something to go on with.
        store.fullDisk = FullDisk(folder: folder, logger: logger)
        let revocations = try await RevocationBook(store: store)
        let disk = DiskGuard(
            fileSystem: settings.fileSystem, folder: folder, minimumFree: settings.minimumFreeDisk)
        let coordinator = Coordinator(
            parts: Parts(
                store: store, blobs: blobs, spool: spool, secrets: secrets, revocations: revocations, disk: disk,
                audit: AuditTrail(log: log, logger: logger)),
            settings: settings, lock: lock, lastAlive: lastAlive, logger: logger)
        try await coordinator.core.jobs.adoptUnfinished()
        return coordinator
    }

    private struct Parts {
        let store: Store
        let blobs: BlobStore
        let spool: Spool
        let secrets: JobSecrets
        let revocations: RevocationBook
        let disk: DiskGuard
        let audit: AuditTrail
    }

    private init(
        parts: Parts, settings: CoordinatorSettings, lock: InstanceLock, lastAlive: Int64?, logger: Logger
    ) {
        self.lock = lock
        self.lastAlive = lastAlive
        let changes = JobChanges()
        let board = ActivityBoard(changes: changes)
        let janitor = Janitor(logger: logger)
        let registry = SessionRegistry(
            limits: GrantMachine.Limits(capacity: settings.transfers, validity: settings.grantValidity),
            weights: SmallWeights { [blobs = parts.blobs] in try blobs.read($0, limit: $1) },
            maxSessions: settings.maxSessions, clock: settings.clock, crash: settings.crash, logger: logger,
            // A handshake frees several times what a session keeps.
            onCalm: { janitor.sweep { TransferHeap.trim() } })
        let federation = settings.federation
        let jobs = JobManager(
            store: parts.store, registry: registry, board: board, changes: changes, disk: parts.disk,
            clock: settings.clock, logger: logger, maxJobs: settings.maxJobs, diskRecheck: settings.diskRecheck,
            isAdmitted: { [revocations = parts.revocations] name in
                guard let identity = try? ParticipantIdentity(federation: federation, role: .client, name: name)
                else { return false }
                return !revocations.isRevoked(identity)
            },
            makeContext: { statusChanged in
                RunnerContext(
                    store: parts.store, blobs: parts.blobs, spool: parts.spool, secrets: parts.secrets, fleet: registry,
                    registry: registry, board: board, changes: changes, audit: parts.audit, disk: parts.disk,
                    janitor: janitor,
                    clock: settings.clock, crash: settings.crash, policy: settings.policy, logger: logger,
                    statusChanged: statusChanged)
            })
        registry.observe(jobs)
        let live = LiveConnections()
        core = CoordinatorCore(
            settings: settings, store: parts.store, blobs: parts.blobs, spool: parts.spool, registry: registry,
            transfers: ActiveTransfers(), board: board, changes: changes, jobs: jobs,
            revocations: parts.revocations, audit: parts.audit, disk: parts.disk, janitor: janitor,
            health: HealthState(), connections: live, clock: settings.clock, logger: logger)
        connections = live
    }

    /// The connections that calls come over, which a revocation closes. Set once before calls come in.
    public func use(_ connections: PeerConnections) {
        self.connections.use(connections)
    }

    private static func sweep(_ store: Store, _ blobs: BlobStore, _ spool: Spool) async throws {
        let digests = try await store.blobDigests()
        let updates = try await store.spooledUpdates()
        let open = try await store.openRounds()
        let drawn = try await store.openDraws()
        let (missingBlobs, missingUpdates) = try await withBlockingWork {
            (try blobs.sweep(referenced: digests), try spool.sweep(referenced: updates, open: open, drawn: drawn))
        }
        if let digest = missingBlobs.min() {
            throw CoordinatorError(
                .corrupt,
                "\(blobs.path(digest)) is missing (\(missingBlobs.count) weights in all): put the files back from a copy of the state folder"
            )
        }
        if let update = missingUpdates.first {
            throw CoordinatorError(
                .corrupt,
                "the update of \(update.client) for round \(update.round) of \(update.job) is missing from the spool "
                    + "(\(missingUpdates.count) in all): put the files back from a copy of the state folder")
        }
    }

    /// Runs the jobs until ``shutDown()`` or until the task is cancelled; then closes the store.
    ///
    /// - Throws: ``CoordinatorError`` `store` when a fact could not be made durable: end the process and start again.
    public func run() async throws {
        core.audit.record(
            .started, subject: "coordinator",
            detail: ["version": CoordinatorVersion.software, "federation": core.settings.federation])
        do {
            try await withTaskCancellationHandler {
                try await core.jobs.run(lastAlive: lastAlive)
            } onCancel: {
                core.jobs.shutDown()
            }
        } catch {
            shutDown()
            await close()
            throw error
        }
        await close()
    }

    /// Ends sessions and calls in order: clients are told to come back, transfers stop where they are, jobs stay as they
    /// are in the store. May be called more than once.
    public func shutDown() {
        core.health.shutDown()
        core.registry.drain()
        core.changes.finish()
        core.transfers.close(CoordinatorError(.unavailable, "the coordinator shuts down"))
        core.jobs.shutDown()
    }

    /// The state folder's lock is given back and the store closed.
    private func close() async {
        await core.janitor.drain()
        core.audit.record(.stopped, subject: "coordinator")
        await core.audit.drain()
        do {
            try await withBlockingWork { [core] in try core.store.finish(at: core.clock.now()) }
        } catch {
            core.logger.warning("the store was not closed in order", metadata: ["error": "\(error)"])
        }
        lock.release()
    }
}
