internal import Durability
internal import Federation
internal import Jobs
internal import Logging
internal import Synchronization
internal import Wire

/// What the runners of all jobs share.
struct RunnerContext: Sendable {
    let store: Store
    let blobs: BlobStore
    let spool: Spool
    let secrets: JobSecrets
    let fleet: any Fleet
    let registry: SessionRegistry
    let board: ActivityBoard
    let changes: JobChanges
    let audit: AuditTrail
    let disk: DiskGuard
    let janitor: Janitor
    let clock: WallClock
    let crash: CrashPoints
    let policy: RoundPolicy
    let logger: Logger
    /// Called after a job's state was made durable. Must not block.
    let statusChanged: @Sendable (_ job: String, JobStatus) -> Void
}

/// Drives one job's ``RoundEngine``: events in, actions carried out in order, each fact durable before the next.
///
/// Events wait in a mailbox and are taken in their order; clients' results that wait one behind the other are committed
/// together, in one transaction. Only folds run beside it; their outcome comes back as an event.
/// When a fact cannot be made durable the runner throws and the coordinator ends: what is in the store is right, and a
/// restart goes on from it.
final class JobRunner: Sendable {
    /// What became of a client's update or report.
    enum Outcome: Sendable, Hashable {
        /// It is durable and counts.
        case committed
        /// It was not wanted any more, or never.
        case standing(TaskStanding)
    }

    enum Input: Sendable {
        case event(RoundEvent)
        case result(CommittedResult, CheckedContinuation<Outcome, any Error>)
        case refusal(RoundTask, TaskRefusal, isDeclined: Bool, CheckedContinuation<Void, any Error>)
    }

    let plan: JobPlan
    let context: RunnerContext
    private let engine: Mutex<RoundEngine>
    private let mailbox: Mailbox<Input>
    private let deadline: Alarm
    /// The exchanges of a job with secure aggregation; nil without.
    let secure: SecureAggregator?

    var id: String { plan.id }

    init(plan: JobPlan, engine: consuming RoundEngine, context: RunnerContext) {
        self.plan = plan
        self.context = context
        self.engine = Mutex(engine)
        let mailbox = Mailbox<Input>()
        self.mailbox = mailbox
        deadline = Alarm { mailbox.post(.event(.tick)) }
        secure = SecureAggregator(plan: plan, context: context) { mailbox.post(.event($0)) }
    }

    // MARK: For everybody

    /// Queues an event.
    func post(_ event: RoundEvent) {
        mailbox.post(.event(event))
    }

    /// Lets the engine act.
    func start() {
        post(secure == nil ? .start : SecureAggregator.start(view.progress))
    }

    /// What a client's result for a task is worth now.
    func standing(of task: RoundTask, client: String) -> TaskStanding {
        engine.withLock { $0.standing(of: task, client: client) }
    }

    /// The weights that a wanted training task starts from; nil in an asynchronous job when the task is over.
    func startingWeights(of task: RoundTask, client: String) -> String? {
        engine.withLock { $0.startingWeights(of: task, client: client) }
    }

    /// The newest weights: those that an open round starts from.
    var weightsDigest: String { engine.withLock { $0.weightsDigest } }

    /// The job's privacy; nil without.
    var privacy: RoundPrivacy? { engine.withLock { $0.privacy } }

    /// The job's state, what it waits for, and the open round.
    var view: (status: JobStatus, summary: String, progress: RoundProgress?) {
        engine.withLock { ($0.status, $0.summary, $0.progress) }
    }

    /// Commits an update whose file is in the spool, if it still counts.
    func commit(_ update: UpdateRecord, task: RoundTask, client: String) async throws -> Outcome {
        try await withCheckedThrowingContinuation { send(.result(.update(task, client: client, update), $0)) }
    }

    /// Commits an evaluation report, if it still counts.
    func commit(_ statistics: TaskStatistics, task: RoundTask, client: String) async throws -> Outcome {
        try await withCheckedThrowingContinuation { send(.result(.report(task, client: client, statistics), $0)) }
    }

    /// Records that a client gives no result; returns when that is durable, or when it does not matter any more.
    func refuse(_ refusal: TaskRefusal, task: RoundTask, isDeclined: Bool) async throws {
        try await withCheckedThrowingContinuation { send(.refusal(task, refusal, isDeclined: isDeclined, $0)) }
    }

    private func send(_ input: Input) {
        if !mailbox.post(input) { abandon(input) }
    }

    /// Answers what is not going to be taken: because the job is over, or because the coordinator stops; then the client
    /// keeps its result for the next start.
    private func abandon(_ input: Input) {
        switch input {
        case .event: break
        case .result(_, let continuation):
            if engine.withLock({ $0.isEnded }) {
                continuation.resume(returning: .standing(.over))
            } else {
                continuation.resume(throwing: JobManager.stopping)
            }
        case .refusal(_, _, _, let continuation): continuation.resume()
        }
    }

    // MARK: The loop

    /// Runs until the job is over or the task is cancelled.
    func run() async throws {
        defer { deadline.cancel() }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                while let batch = await mailbox.take() {
                    try await take(batch, folds: &group)
                    if engine.withLock({ $0.isEnded }) { break }
                }
                group.cancelAll()
            }
        } catch is CancellationError {
            // The coordinator shuts down; what was not durable yet happens again after the start.
        } catch {
            close()
            throw error
        }
        close()
    }

    /// Answers everybody who still waits.
    private func close() {
        secure?.close()
        mailbox.finish()
        for input in mailbox.drain() { abandon(input) }
    }

    /// Takes inputs in their order; what is not taken, because the job ended or the store failed, is answered.
    private func take(_ batch: [Input], folds: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
        var rest = batch[...]
        defer { for input in rest { abandon(input) } }
        while let first = rest.first, !engine.withLock({ $0.isEnded }) {
            switch first {
            case .event(let event):
                rest.removeFirst()
                try await handle(event, folds: &folds)
            case .result:
                try await commit(takeResults(from: &rest), folds: &folds)
            case .refusal(let task, let refusal, let isDeclined, let continuation):
                rest.removeFirst()
                do {
                    try await handle(
                        .taskRefused(task: task, refusal: refusal, isDeclined: isDeclined), folds: &folds)
                    continuation.resume()
                } catch {
                    continuation.resume(throwing: error)
                    throw error
                }
            }
        }
    }

    private typealias PendingResult = (result: CommittedResult, continuation: CheckedContinuation<Outcome, any Error>)

    /// The results at the front, up to one that answers the same task of the same client again.
    private func takeResults(from rest: inout ArraySlice<Input>) -> [PendingResult] {
        var results: [PendingResult] = []
        var seen: Set<TaskOfClient> = []
        while case .result(let result, let continuation)? = rest.first, seen.insert(result.key).inserted {
            results.append((result, continuation))
            rest.removeFirst()
        }
        return results
    }

    /// Commits those results that are wanted, in one transaction, and tells those who wait.
    private func commit(
        _ results: [PendingResult], folds: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        let judged = engine.withLock { engine in
            var judged: [TaskStanding] = []
            for (result, _) in results {
                judged.append(engine.standing(of: result.key.task, client: result.key.client))
            }
            return judged
        }
        let wanted = zip(results, judged).compactMap { pending, standing in
            standing == .wanted ? pending.result : nil
        }
        // The engine measures by the time in the rows, so that a restart measures the same.
        let time = context.clock.now()
        do {
            if !wanted.isEmpty {
                try await context.store.commitResults(job: id, wanted, at: time)
                if wanted.contains(where: { $0.key.task.kind == .train }) {
                    try context.crash.reached(.afterRowCommit)
                }
            }
        } catch {
            for pending in results { pending.continuation.resume(throwing: error) }
            throw error
        }
        // The clients are answered first: what the round does next is not their concern.
        for (pending, standing) in zip(results, judged) {
            pending.continuation.resume(returning: standing == .wanted ? .committed : .standing(standing))
        }
        guard !wanted.isEmpty else { return }
        try await handle(.together(wanted.map(\.event)), at: time, folds: &folds)
    }

    /// Hands an event to the engine and carries out what follows, until nothing follows.
    ///
    /// - Parameter time: when it happened; now unless given.
    private func handle(
        _ event: RoundEvent, at time: Int64? = nil, folds: inout ThrowingDiscardingTaskGroup<any Error>
    ) async throws {
        var time = time
        var events = [event]
        var open: Int?
        while !events.isEmpty {
            let next = events.removeFirst()
            let instant = time ?? context.clock.now()
            let (actions, due, round) = engine.withLock { engine in
                let actions = engine.handle(next, at: instant)
                return (actions, engine.nextDeadline, engine.completedRounds)
            }
            open = round
            time = nil
            setDeadline(due)
            for action in actions {
                switch action {
                case .aggregate(let order):
                    events += startFold(
                        { .aggregationHeld(round: order.round, attempt: order.attempt, reason: $0) }, folds: &folds
                    ) { try await $0.fold(order) }
                case .makeModel(let order):
                    events += startFold({ .modelHeld(number: order.number, reason: $0) }, folds: &folds) {
                        try await $0.make(order)
                    }
                default: events += try await perform(action)
                }
            }
        }
        context.changes.changed(job: id, round: open)
    }

    private func setDeadline(_ due: Int64?) {
        deadline.set(at: due.map { .now.advanced(by: .milliseconds(max(0, $0 - context.clock.now()))) })
    }

    /// Starts a fold beside the loop, unless the disk is full.
    private func startFold(
        _ held: (_ reason: String) -> RoundEvent, folds: inout ThrowingDiscardingTaskGroup<any Error>,
        _ body: @escaping @Sendable (JobRunner) async throws -> Void
    ) -> [RoundEvent] {
        if let reason = context.disk.shortage() { return [held(reason)] }
        folds.addTask { [self] in
            do {
                try await body(self)
            } catch {
                // The loop ends, and with it the group, which throws this.
                mailbox.finish()
                throw error
            }
        }
        return []
    }
}
