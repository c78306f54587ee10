public import Durability
import Foundation
import Jobs
public import Logging
public import ServiceLifecycle
import Synchronization
import Wire
import WireMessages

/// The client daemon: session, tasks, trainers and outbox of one site.
///
/// It holds the keys and the results and runs no model code. ``run()`` returns after a graceful shutdown or when its
/// task is cancelled; then no trainer lives any more.
public final class ClientDaemon: Service {
    /// What a daemon is made of besides its configuration file.
    public struct Parts: Sendable {
        /// The client's name, as its certificate says.
        public var client: String
        /// The state folder.
        public var state: String
        /// The site folders offered.
        public var data: [String]
        /// The trainer, its program as an absolute path.
        public var trainer: TrainerConfiguration
        /// How many trainers may stay alive between tasks.
        public var trainersKept: Int
        /// What the site accepts.
        public var rules: SiteRules
        /// The software and its version, for the hello.
        public var software: String
        /// For tests: points at which to crash.
        public var crashPoints: CrashPoints

        /// Creates a set of parts.
        public init(
            client: String, state: String, data: [String], trainer: TrainerConfiguration, trainersKept: Int = 2,
            rules: SiteRules = SiteRules(), software: String = "tributary-client",
            crashPoints: CrashPoints = .none
        ) {
            self.client = client
            self.state = state
            self.data = data
            self.trainer = trainer
            self.trainersKept = trainersKept
            self.rules = rules
            self.software = software
            self.crashPoints = crashPoints
        }
    }

    private let parts: Parts
    private let logger: Logger
    private let lock: InstanceLock
    private let outbox: Outbox
    private let pool: TrainerPool
    private let courier: Courier
    private let worker: TaskWorker
    private let disk: SiteDisk
    private let board = TaskBoard()
    private let secure: SecureRounds
    private let link: SessionLink
    private let stop = OneTimeSignal()
    private let catalogue: Mutex<SiteCatalogue>
    /// Failures of this process, so that a task that comes again is answered and not tried again.
    private let failures = Mutex([(identity: TaskIdentity, message: Tributary_V1_ClientMessage.OneOf_Message)]())
    /// The tasks that the last hello named.
    private let told = Mutex(Set<TaskIdentity>())
    private let connector: any CoordinatorConnector
    private let backoff: Backoff

    /// Opens the state folder, ends trainers that an earlier process left, and reads the site's manifests.
    ///
    /// - Throws: `DurabilityError` (`locked` when a daemon runs on the state folder), `DatasetError` or ``ClientError``.
    public convenience init(_ parts: Parts, connector: any CoordinatorConnector, logger: Logger) throws {
        try self.init(parts, connector: connector, backoff: Backoff(), logger: logger)
    }

    init(_ parts: Parts, connector: any CoordinatorConnector, backoff: Backoff, logger: Logger) throws {
        self.parts = parts
        self.connector = connector
        self.backoff = backoff
        self.logger = logger
        let folder = try StateFolder(parts.state)
        lock = try InstanceLock(path: folder.lock)
        for group in TrainerRecord.endLeftovers(in: folder.trainers) {
            logger.warning("ended a trainer that an earlier process left", metadata: ["group": "\(group)"])
        }
        catalogue = Mutex(try SiteCatalogue(folders: parts.data))
        outbox = try Outbox(folder: folder.outbox)
        // The site's file may have been changed since they were made.
        for entry in outbox.entries where parts.rules.secureAggregation != nil {
            guard entry.update != nil, entry.isMasked != true else { continue }
            try outbox.remove(entry.identity)
            logger.warning(
                "an update without masks that waited to be sent is removed", metadata: ["task": "\(entry.identity)"])
        }
        disk = SiteDisk(folder: folder.path, logger: logger)
        link = SessionLink()
        let progress = ProgressReporter(link: link)
        let transfers = TransferClient(
            link: link, cache: try WeightsCache(folder: folder.cache), outbox: outbox, crashPoints: parts.crashPoints,
            logger: logger)
        courier = Courier(transfers: transfers, progress: progress, logger: logger)
        pool = TrainerPool(
            configuration: parts.trainer, limit: parts.trainersKept, folder: folder, logger: logger)
        secure = SecureRounds(
            client: parts.client, rule: parts.rules.secureAggregation, link: link, crashPoints: parts.crashPoints,
            logger: logger)
        worker = TaskWorker(
            client: parts.client, rules: parts.rules, threads: parts.trainer.threads, folder: folder, pool: pool,
            transfers: transfers, courier: courier, progress: progress, secure: secure, disk: disk)
    }

    /// Runs until a graceful shutdown or a cancellation.
    public func run() async throws {
        secure.use(
            SecureRounds.Surroundings(
                isFinished: { [outbox] in outbox.contains($0) }, cancel: { [board] in board.cancel($0) },
                leave: { [weak self] in self?.leave($0, reason: $1) }))
        await withGracefulShutdownHandler {
            await withTaskGroup { group in
                let session = Session(
                    connector: connector, link: link, delegate: self, logger: logger, backoff: backoff, stop: stop)
                group.addTask { await session.run() }
                group.addTask { await self.board.run { await self.perform($0) } }
                group.addTask { await self.courier.run() }
                group.addTask { await self.secure.run() }
                group.addTask { await self.pool.endIdleOnes() }
                await group.next()
                group.cancelAll()
            }
            await pool.endAll()
        } onGracefulShutdown: {
            self.shutDown()
        }
        lock.release()
    }

    /// Says goodbye, gives the running task up and lets ``run()`` return.
    public func shutDown() {
        logger.info("stopping")
        stop.raise()
        board.cancelAll()
    }

    /// Carries a task out and tells the coordinator when it failed.
    private func perform(_ task: AcceptedTask) async {
        let identity = task.identity
        do {
            guard let entry = catalogue.withLock({ $0.entry(task.specification.data) }) else {
                throw SiteRules.Refusal(
                    code: "dataset", reason: "this site has no data set \"\(task.specification.data)\" any more")
            }
            try await disk.holding(identity, weightsBytes: task.weightsBytes) { [worker] in
                try await worker.perform(task, data: entry.path)
            }
        } catch let refusal as SiteRules.Refusal {
            decline(identity, refusal)
        } catch {
            // What is not wanted any more, by the coordinator or because the daemon stops, is nobody's failure.
            guard !Task.isCancelled else { return }
            let code = (error as? ClientError)?.code ?? ((error as? DurabilityError) != nil ? .disk : .task)
            logger.error("task failed", metadata: ["task": "\(identity)", "code": "\(code)", "reason": "\(error)"])
            var failed = Tributary_V1_TaskFailed()
            failed.identity = identity.message
            failed.code = code.rawValue
            // The sentence alone: causes hold paths of this machine and a trainer's last words, which may quote data.
            failed.reason = PeerText.clean(
                (error as? ClientError)?.message ?? (error as? JobsError)?.message ?? "the site's log names the cause")
            giveUp(identity, .failed(failed))
        }
    }

    /// The client takes no further part in a round with secure aggregation.
    private func leave(_ identity: TaskIdentity, reason: String) {
        board.cancel(identity)
        var failed = Tributary_V1_TaskFailed()
        failed.identity = identity.message
        failed.code = ClientError.Code.secureAggregation.rawValue
        failed.reason = PeerText.clean(reason)
        giveUp(identity, .failed(failed))
    }

    /// Tells the coordinator that a task gives no result: now, or when there is a session again.
    private func giveUp(_ identity: TaskIdentity, _ message: Tributary_V1_ClientMessage.OneOf_Message) {
        // Noted first: a session that opens at this instant finds it, or the message goes out over it.
        failures.withLock { failures in
            failures.append((identity, message))
            if failures.count > 64 { failures.removeFirst() }
        }
        link.send(message)
    }

    private func decline(_ identity: TaskIdentity, _ refusal: SiteRules.Refusal) {
        logger.notice(
            "task declined",
            metadata: ["task": "\(identity)", "code": "\(refusal.code)", "reason": "\(refusal.reason)"])
        var declined = Tributary_V1_TaskDeclined()
        declined.identity = identity.message
        declined.code = refusal.code
        declined.reason = refusal.reason
        giveUp(identity, .declined(declined))
    }
}

extension ClientDaemon: Session.Delegate {
    func hello() -> ClientHello {
        do {
            let fresh = try SiteCatalogue(folders: parts.data)
            catalogue.withLock { $0 = fresh }
        } catch {
            logger.error("the data cannot be read, offering what was there", metadata: ["reason": "\(error)"])
        }
        let holding = Array((outbox.entries.map(\.identity) + board.identities).prefix(WireLimits.holding))
        told.withLock { $0 = Set(holding) }
        return ClientHello(
            software: parts.software, datasets: catalogue.withLock { $0.entries.map(\.card) },
            models: parts.rules.models, holding: holding)
    }

    func sessionBegan(_ welcome: Tributary_V1_Welcome) {
        logger.info(
            "session open",
            metadata: ["coordinator": "\(connector.address)", "client": "\(PeerText.clean(welcome.client))"])
        // The start is over, and what follows is mostly waiting.
        ProgramPages.release()
        let here = Int64(Date().timeIntervalSince1970 * 1000)
        let difference = here - Int64(clamping: welcome.clockMilliseconds)
        if welcome.clockMilliseconds > 0 && abs(difference) > 60_000 {
            logger.warning(
                "this machine's clock and the coordinator's differ", metadata: ["seconds": "\(difference / 1000)"])
        }
        // What failed after the hello named it: the coordinator takes it for work in progress.
        let told = told.withLock { $0 }
        for failure in failures.withLock({ $0 }) where told.contains(failure.identity) { link.send(failure.message) }
        courier.sessionBegan()
    }

    func receive(_ task: Tributary_V1_Task) {
        let identity: TaskIdentity
        do {
            identity = try TaskIdentity(task.identity)
        } catch {
            logger.error("a task without a proper name came", metadata: ["reason": "\(error)"])
            return
        }
        var accepted = Tributary_V1_TaskAccepted()
        accepted.identity = task.identity
        if board.contains(identity) || outbox.contains(identity) {
            link.release(task.fetchGrant)
            link.send(.accepted(accepted))
            if outbox.contains(identity) { courier.sessionBegan() }
            return
        }
        if let failure = failures.withLock({ $0.last { $0.identity == identity }?.message }) {
            link.release(task.fetchGrant)
            link.send(failure)
            return
        }
        do {
            var work = try AcceptedTask(task, identity: identity)
            let offered = catalogue.withLock { $0.entry(work.specification.data)?.card.examples }
            work.withholdsFigures = parts.rules.withholdsFigures(of: work.specification, offered: offered ?? [:])
            if let refusal = parts.rules.refusal(
                of: work.specification, operator: task.operator, isTraining: identity.kind == .train, offered: offered)
            {
                throw refusal
            }
            if identity.kind == .train,
                let refusal = parts.rules.refusal(toShowModelOf: work.specification, round: identity.round)
            {
                throw refusal
            }
            if board.isBusy {
                // Somebody else can use the slot meanwhile.
                link.release(work.fetchGrant)
                work.fetchGrant = 0
            }
            logger.info(
                "task accepted",
                metadata: ["task": "\(identity)", "job": "\(PeerText.clean(task.jobName))"])
            try secure.expect(work)
            link.send(.accepted(accepted))
            board.enqueue(work)
        } catch {
            link.release(task.fetchGrant)
            decline(identity, error as? SiteRules.Refusal ?? SiteRules.Refusal(code: "task", reason: "\(error)"))
        }
    }

    func receive(_ request: Tributary_V1_SecureRequest) { secure.receive(request) }

    func cancel(_ identity: TaskIdentity, reason: String) {
        defer { secure.forget(identity, reason: reason) }
        guard board.contains(identity) else { return }
        logger.info("task not wanted any more", metadata: ["task": "\(identity)", "reason": "\(reason)"])
        board.cancel(identity)
    }

    func acknowledge(_ identity: TaskIdentity, accepted: Bool, reason: String) {
        courier.acknowledged(identity, accepted: accepted, reason: reason)
    }
}
