internal import Federation
internal import Identity
internal import Jobs
internal import Logging
internal import Synchronization
internal import Wire

/// All jobs: which run, which wait for their turn, and who is told about clients.
///
/// At most `maxJobs` run; the others are queued in the order of their submission. Every job that has begun keeps its
/// runner while it is paused, so that what clients still send counts.
final class JobManager: Sendable {
    struct State {
        var scheduler: JobScheduler
        var runners: [String: JobRunner] = [:]
        /// Jobs whose runner is about to be there.
        var beginning: Set<String> = []
        var isShutDown = false

        /// Whether a job without a runner will have one, here or after the next start.
        func isExpected(_ job: String) -> Bool { isShutDown || beginning.contains(job) }
    }

    enum Command: Sendable {
        /// A job has a place: begin or resume it.
        case start(String)
        /// A paused job of an earlier run: it keeps its runner.
        case adopt(String)
    }

    let store: Store
    let registry: SessionRegistry
    let board: ActivityBoard
    let changes: JobChanges
    let state: Mutex<State>
    let clock: WallClock
    let logger: Logger
    private let makeContext: @Sendable (@escaping @Sendable (String, JobStatus) -> Void) -> RunnerContext
    private let isAdmitted: @Sendable (String) -> Bool
    private let commands: AsyncStream<Command>
    private let queue: AsyncStream<Command>.Continuation
    private let diskAlarm = Mutex<Alarm?>(nil)
    private let diskRecheck: Duration
    private let disk: DiskGuard

    init(
        store: Store, registry: SessionRegistry, board: ActivityBoard, changes: JobChanges, disk: DiskGuard,
        clock: WallClock, logger: Logger, maxJobs: Int, diskRecheck: Duration,
        isAdmitted: @escaping @Sendable (String) -> Bool,
        makeContext: @escaping @Sendable (@escaping @Sendable (String, JobStatus) -> Void) -> RunnerContext
    ) {
        self.store = store
        self.registry = registry
        self.board = board
        self.changes = changes
        self.disk = disk
        self.clock = clock
        self.logger = logger
        self.diskRecheck = diskRecheck
        self.isAdmitted = isAdmitted
        self.makeContext = makeContext
        state = Mutex(State(scheduler: JobScheduler(maximumRunning: maxJobs)))
        (commands, queue) = AsyncStream.makeStream()
        diskAlarm.withLock { $0 = Alarm { [weak self] in self?.recheckDisk() } }
    }

    /// The runner of a job that has begun and is not over.
    func runner(_ job: String) -> JobRunner? {
        state.withLock { $0.runners[job] }
    }

    /// What a waiting job waits for; nil when it does not wait for its turn.
    func waitsFor(_ job: String) -> String? {
        state.withLock { $0.scheduler.waitsFor(job) }
    }

    // MARK: The loop

    /// Runs jobs until the task is cancelled, after ``adoptUnfinished()``.
    ///
    /// - Parameter lastAlive: the last instant at which the coordinator ran before this start.
    func run(lastAlive: Int64?) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for await command in commands {
                switch command {
                case .start(let job):
                    try await begin(job, lastAlive: lastAlive, in: &group)
                case .adopt(let job):
                    try await begin(job, lastAlive: lastAlive, in: &group, resuming: false)
                }
            }
            group.cancelAll()
        }
    }

    /// Starts nothing any more; `run` returns.
    func shutDown() {
        state.withLock { $0.isShutDown = true }
        queue.finish()
        diskAlarm.withLock { $0 }?.cancel()
    }

    /// Takes up every job that is not over. Once, before the first session: who holds a task of such a job is then not
    /// told that it is over.
    func adoptUnfinished() async throws {
        for job in try await store.unfinishedJobs() {
            switch job.status.state {
            case .running:
                state.withLock { $0.scheduler.adopt(job.id, sequence: job.sequence) }
                startAll([job.id])
            case .paused:
                state.withLock { state in
                    state.scheduler.hold(job.id, sequence: job.sequence)
                    state.beginning.insert(job.id)
                }
                queue.yield(.adopt(job.id))
                noteStatus(job.id, job.status)
            default:
                state.withLock { $0.scheduler.enqueue(job.id, sequence: job.sequence) }
            }
        }
        startNext()
    }

    /// Gives free places to waiting jobs.
    func startNext() {
        startAll(state.withLock { $0.scheduler.startNext() })
    }

    /// Begins or resumes jobs that were given a place.
    func startAll(_ jobs: [String]) {
        state.withLock { state in
            for job in jobs where state.runners[job] == nil { state.beginning.insert(job) }
        }
        for job in jobs { queue.yield(.start(job)) }
    }

    /// The runner of a job; waits for one that is about to be there. Nil when no runner has the job in hand.
    ///
    /// - Throws: ``CoordinatorError`` `unavailable` when the coordinator stops before that is known.
    func settledRunner(_ job: String) async throws -> JobRunner? {
        // Nearly always it is there: every update and every report asks.
        if let runner = state.withLock({ $0.beginning.contains(job) ? nil : $0.runners[job] }) { return runner }
        return try await changes.withSubscription(job: job) { subscription in
            var signals = subscription.signals.makeAsyncIterator()
            while state.withLock({ $0.beginning.contains(job) }) {
                guard await signals.next() != nil else { throw Self.stopping }
            }
            return runner(job)
        }
    }

    /// The runner that judges what a client sends for a job; waits for one that is about to be there. Nil when the job is
    /// over for good.
    ///
    /// - Throws: ``CoordinatorError`` `unavailable` while the coordinator stops: the client keeps its result and sends it
    ///   to the next one.
    func judge(of job: String) async throws -> JobRunner? {
        if let runner = try await settledRunner(job) { return runner }
        guard !state.withLock({ $0.isExpected(job) }) else {
            throw Self.stopping
        }
        return nil
    }

    /// What is asked now is for the next start to answer.
    static var stopping: CoordinatorError { CoordinatorError(.unavailable, "the coordinator shuts down") }

    /// A job has its runner, or will have none.
    private func begun(_ job: String, _ runner: JobRunner?) {
        state.withLock { state in
            state.beginning.remove(job)
            if let runner { state.runners[job] = runner }
        }
        changes.changed(job: job)
    }

    /// Begins a job, or resumes the runner that it has.
    private func begin(
        _ job: String, lastAlive: Int64?, in group: inout ThrowingDiscardingTaskGroup<any Error>, resuming: Bool = true
    ) async throws {
        if let runner = runner(job) {
            if resuming { runner.post(.resume) }
            return
        }
        let runner: JobRunner
        do {
            runner = try await load(job, lastAlive: lastAlive)
        } catch {
            logger.error("job cannot run", metadata: ["job": "\(job)", "error": "\(error)"])
            try await store.commitStatus(
                job: job, JobStatus(.failed, reason: "cannot run: \(error)"), at: clock.now())
            noteStatus(job, JobStatus(.failed))
            begun(job, nil)
            return
        }
        // From here on it hears of clients; whoever is there already is told to it before it starts.
        begun(job, runner)
        registry.withConnected { client, hello, tasks in
            runner.post(runner.ready(client, hello: hello, holding: tasks))
        }
        // One that was not paused may pause at its start, for want of space: that is not to be undone.
        let isPaused = runner.view.status.state == .paused
        runner.start()
        if resuming && isPaused { runner.post(.resume) }
        group.addTask { [self] in
            defer { ended(job) }
            do {
                try await runner.run()
            } catch {
                // The loop ends, and with it the group, which throws this.
                state.withLock { $0.isShutDown = true }
                queue.finish()
                throw error
            }
        }
    }

    private func load(_ id: String, lastAlive: Int64?) async throws -> JobRunner {
        let context = makeContext { [weak self] job, status in self?.noteStatus(job, status) }
        let seenSince = (lastAlive ?? clock.now()) - 60_000
        let (job, snapshot) = try await store.snapshot(
            job: id, seenSince: seenSince, lastAlive: lastAlive, isAdmitted: isAdmitted)
        let plan = try await withBlockingWork { try JobPlan(job: job, blobs: context.blobs) }
        let privacy = try await withBlockingWork { try plan.privacy(snapshot, secrets: context.secrets) }
        return JobRunner(
            plan: plan, engine: RoundEngine(resuming: snapshot, policy: context.policy, privacy: privacy),
            context: context)
    }

    private func ended(_ job: String) {
        state.withLock { state in
            state.runners[job] = nil
            guard !state.isShutDown else { return }
            state.scheduler.remove(job)
        }
        registry.forget(job: job)
        board.forget(job: job)
        changes.changed(job: job)
        startNext()
    }

    /// A job's state was made durable: its place may be free for another.
    private func noteStatus(_ job: String, _ status: JobStatus) {
        switch status.state {
        case .paused:
            let isForDisk = status.reason.hasPrefix(DiskGuard.reason)
            state.withLock { state in
                guard let runner = state.runners[job] else { return }
                state.scheduler.hold(job, sequence: runner.plan.job.sequence)
            }
            if isForDisk { diskAlarm.withLock { $0 }?.set(at: .now.advanced(by: diskRecheck)) }
        case .finished, .failed, .stopped:
            state.withLock { $0.scheduler.remove(job) }
        case .queued, .running:
            return
        }
        startNext()
    }

    /// Resumes jobs that were paused for want of space once there is some; asks again later while there is none.
    private func recheckDisk() {
        let waiting = state.withLock { state in
            state.runners.values.filter {
                let status = $0.view.status
                return status.state == .paused && status.reason.hasPrefix(DiskGuard.reason)
            }
        }
        guard !waiting.isEmpty else { return }
        guard disk.shortage() == nil else {
            diskAlarm.withLock { $0 }?.set(at: .now.advanced(by: diskRecheck))
            return
        }
        state.withLock { state in
            for runner in waiting { state.scheduler.enqueue(runner.id, sequence: runner.plan.job.sequence) }
        }
        startNext()
    }
}

extension JobRunner {
    /// What the job's engine is told about a client with a session.
    func ready(_ client: String, hello: ClientHello, holding: [TaskIdentity]) -> RoundEvent {
        let card = hello.datasets.first { $0.name == plan.specification.data }
        return .clientReady(
            client: client, examples: card?.examples ?? [:],
            holding: Set(holding.filter { $0.job == id }.map(\.roundTask)))
    }
}

extension JobManager: SessionObserver {
    func clientReady(_ client: String, hello: ClientHello) -> [TaskIdentity] {
        state.withLock { state in
            for runner in state.runners.values {
                runner.post(runner.ready(client, hello: hello, holding: hello.holding))
            }
            return hello.holding.filter { state.runners[$0.job] == nil && !state.isExpected($0.job) }
        }
    }

    func clientLost(_ client: String) {
        let runners = state.withLock { Array($0.runners.values) }
        for runner in runners { runner.post(.clientLost(client: client)) }
        board.away(client: client)
    }

    func taskSent(_ identity: TaskIdentity, client: String) {
        board.enter(.offered, task: identity, client: client)
    }

    /// A client has a new session: what rounds with secure aggregation asked of it may be lost. Not under the registry's
    /// lock.
    func secureClientConnected(_ client: String) {
        for runner in state.withLock({ Array($0.runners.values) }) { runner.secure?.connected(client) }
    }

    /// A client's certificate was revoked.
    func clientRevoked(_ client: String) {
        let runners = state.withLock { Array($0.runners.values) }
        for runner in runners { runner.post(.clientRevoked(client: client)) }
    }
}
