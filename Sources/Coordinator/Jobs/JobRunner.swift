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
/// Events wait in a mailbox and are taken one at a time. Only folds run beside it; their outcome comes back as an event.
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
        case update(RoundTask, client: String, UpdateRecord, CheckedContinuation<Outcome, any Error>)
        case report(RoundTask, client: String, TaskStatistics, CheckedContinuation<Outcome, any Error>)
        case refusal(RoundTask, TaskRefusal, isDeclined: Bool, CheckedContinuation<Void, any Error>)
    }

    let plan: JobPlan
    let context: RunnerContext
    private let engine: Mutex<RoundEngine>
    private let inputs: AsyncStream<Input>
    private let mailbox: AsyncStream<Input>.Continuation
    private let deadline: Alarm

    var id: String { plan.id }

    init(plan: JobPlan, engine: consuming RoundEngine, context: RunnerContext) {
        self.plan = plan
        self.context = context
        self.engine = Mutex(engine)
        let (inputs, mailbox) = AsyncStream<Input>.makeStream()
        self.inputs = inputs
        self.mailbox = mailbox
        deadline = Alarm { mailbox.yield(.event(.tick)) }
    }

    // MARK: For everybody

    /// Queues an event.
    func post(_ event: RoundEvent) {
        mailbox.yield(.event(event))
    }

    /// What a client's result for a task is worth now.
    func standing(of task: RoundTask, client: String) -> TaskStanding {
        engine.withLock { $0.standing(of: task, client: client) }
    }

    /// The weights that a wanted training task starts from.
    var weightsDigest: String { engine.withLock { $0.weightsDigest } }

    /// The job's privacy; nil without.
    var privacy: RoundPrivacy? { engine.withLock { $0.privacy } }

    /// The job's state, what it waits for, and the open round.
    var view: (status: JobStatus, summary: String, progress: RoundProgress?) {
        engine.withLock { ($0.status, $0.summary, $0.progress) }
    }

    /// Commits an update whose file is in the spool, if it still counts.
    func commit(_ update: UpdateRecord, task: RoundTask, client: String) async throws -> Outcome {
        try await withCheckedThrowingContinuation { send(.update(task, client: client, update, $0)) }
    }

    /// Commits an evaluation report, if it still counts.
    func commit(_ statistics: TaskStatistics, task: RoundTask, client: String) async throws -> Outcome {
        try await withCheckedThrowingContinuation { send(.report(task, client: client, statistics, $0)) }
    }

    /// Records that a client gives no result; returns when that is durable, or when it does not matter any more.
    func refuse(_ refusal: TaskRefusal, task: RoundTask, isDeclined: Bool) async throws {
        try await withCheckedThrowingContinuation { send(.refusal(task, refusal, isDeclined: isDeclined, $0)) }
    }

    private func send(_ input: Input) {
        if case .terminated = mailbox.yield(input) { Self.abandon(input) }
    }

    /// Answers what is not going to be taken.
    private static func abandon(_ input: Input) {
        switch input {
        case .event: break
        case .update(_, _, _, let continuation), .report(_, _, _, let continuation):
            continuation.resume(returning: .standing(.over))
        case .refusal(_, _, _, let continuation): continuation.resume()
        }
    }

    // MARK: The loop

    /// Runs until the job is over or the task is cancelled.
    func run() async throws {
        defer { deadline.cancel() }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                for await input in inputs {
                    try await take(input, folds: &group)
                    if engine.withLock({ $0.isEnded }) { break }
                }
                group.cancelAll()
            }
        } catch is CancellationError {
            // The coordinator shuts down; what was not durable yet happens again after the start.
        } catch {
            await close()
            throw error
        }
        await close()
    }

    /// Answers everybody who still waits.
    private func close() async {
        mailbox.finish()
        for await input in inputs { Self.abandon(input) }
    }

    private func take(_ input: Input, folds: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
        switch input {
        case .event(let event):
            try await handle(event, folds: &folds)
        case .update(let task, let client, let update, let continuation):
            let outcome = try await answering(continuation, task, client) {
                try await context.store.commitUpdate(
                    job: id, task: task, client: client, update, at: context.clock.now())
                try context.crash.reached(.afterRowCommit)
            }
            // The client is answered first: what the round does next is not its concern.
            guard outcome == .committed else { return }
            try await handle(
                .updateCommitted(
                    client: client, round: task.round, attempt: task.attempt, statistics: update.statistics),
                folds: &folds)
        case .report(let task, let client, let statistics, let continuation):
            let outcome = try await answering(continuation, task, client) {
                try await context.store.commitReport(
                    job: id, task: task, client: client, statistics, at: context.clock.now())
            }
            guard outcome == .committed else { return }
            try await handle(
                .evaluationReported(client: client, round: task.round, statistics: statistics), folds: &folds)
        case .refusal(let task, let refusal, let isDeclined, let continuation):
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

    /// Commits a result if it is wanted, and tells the one who waits.
    private func answering(
        _ continuation: CheckedContinuation<Outcome, any Error>, _ task: RoundTask, _ client: String,
        commit: () async throws -> Void
    ) async throws -> Outcome {
        do {
            let standing = standing(of: task, client: client)
            if standing == .wanted { try await commit() }
            let outcome: Outcome = standing == .wanted ? .committed : .standing(standing)
            continuation.resume(returning: outcome)
            return outcome
        } catch {
            continuation.resume(throwing: error)
            throw error
        }
    }

    /// Hands an event to the engine and carries out what follows, until nothing follows.
    private func handle(_ event: RoundEvent, folds: inout ThrowingDiscardingTaskGroup<any Error>) async throws {
        var events = [event]
        var open: Int?
        while !events.isEmpty {
            let next = events.removeFirst()
            let (actions, due, round) = engine.withLock { engine in
                let actions = engine.handle(next, at: context.clock.now())
                return (actions, engine.nextDeadline, engine.completedRounds)
            }
            open = round
            setDeadline(due)
            for action in actions {
                if case .aggregate(let order) = action {
                    events += startFold(order, folds: &folds)
                } else {
                    events += try await perform(action)
                }
            }
        }
        context.changes.changed(job: id, round: open)
    }

    private func setDeadline(_ due: Int64?) {
        deadline.set(at: due.map { .now.advanced(by: .milliseconds(max(0, $0 - context.clock.now()))) })
    }

    /// Starts a fold beside the loop.
    private func startFold(
        _ order: AggregationOrder, folds: inout ThrowingDiscardingTaskGroup<any Error>
    ) -> [RoundEvent] {
        if let reason = context.disk.shortage() {
            return [.aggregationHeld(round: order.round, attempt: order.attempt, reason: reason)]
        }
        folds.addTask { [self] in
            do {
                try await fold(order)
            } catch {
                // The loop ends, and with it the group, which throws this.
                mailbox.finish()
                throw error
            }
        }
        return []
    }
}
