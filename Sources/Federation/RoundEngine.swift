public import Jobs

/// Runs the rounds of one job: a value without I/O, clock or tasks of its own.
///
/// The driver hands in what happened with the time at which it happened and carries out what comes back, in order,
/// before the next event. Times are milliseconds since 1970. Equal events in equal order give equal actions; whatever
/// decides a result is committed through the driver's store first, so that an engine made from the store
/// (`init(resuming:)`) at any instant goes on with the same rounds, cohorts and updates.
///
/// **A round**: when a quorum (`max(clients.minimum, clients.minimumUpdates)`) of participants is ready, a cohort is
/// drawn and committed, then its clients are offered the task. A client that is lost keeps its place until the deadline
/// and is offered the task again when it is back. The round is aggregated when every client of the cohort has answered,
/// when `targetUpdates` updates are in (the others' tasks are cancelled), or at the deadline when at least
/// `minimumUpdates` are in; it fails when that cannot happen any more. A failed
/// round is tried again with a new cohort; after `attempts` the job fails.
///
/// **Who is drawn**: participants that are ready; one that was lost a moment ago is waited for (`RoundPolicy`), so that
/// cohorts depend neither on the order of arrival nor on short interruptions. Those that declined a task of this job, and those that gave no update
/// in an earlier attempt of this round, are left out as long as the others make a quorum; first the latter and then the
/// former come back in when they do not. An update that was committed before its client was revoked counts.
///
/// Among them the job's `clients.sampling` decides, from the seed and from what **committed** rounds have shown
/// (`SelectionHistory`). A draw by Poisson sampling that is smaller than `minimumUpdates` fails its attempt before a
/// task is sent.
///
/// **Evaluation** runs beside the next rounds. Its clients are the known ones that declare the split, connected or lost
/// for less than the evaluation's deadline; they are committed with the round. The job ends after the last evaluation.
///
/// **Privacy**: a job with `privacy` draws its cohorts from its secret; the cost of a round is committed with its cohort,
/// and a round that would exceed the budget is not begun: the job ends with what it has.
///
/// **Asynchronous** jobs have versions of the weights in place of rounds: see `RoundEngine+Asynchronous.swift`.
///
/// **After the rounds** a job may have its sites' own models and coalitions of updates evaluated: see
/// `Study/RoundEngine+Study.swift`.
///
/// **Pause** lets clients finish and keeps what they give, but starts nothing, and all clocks stand still. **Stop** ends
/// the job at once and cancels its tasks.
public struct RoundEngine: Sendable {
    /// The job.
    public let specification: JobSpecification
    /// Times and limits that no job sets.
    public let policy: RoundPolicy
    /// How many rounds are committed: the number of the open round.
    public internal(set) var completedRounds: Int
    /// SHA-256 of the newest committed weights.
    public internal(set) var weightsDigest: String
    /// The job's state with its reason, as last decided.
    public internal(set) var status: JobStatus

    var phase: EnginePhase = .waiting
    var evaluations: [Int: OpenEvaluation] = [:]
    var members: [String: Member] = [:]
    /// Names of ready members that may be drawn, and of lost ones that might come back for a draw.
    var readyTrainers: Set<String> = []
    var lostTrainers: Set<String> = []
    var declined: Set<String>
    /// How many updates of each client were refused for what was wrong with them.
    public internal(set) var offences: [String: Int]
    var failedInRound: Set<String>
    var failedAttempts: Int
    var lastFailure: String
    var pausedAt: Int64?
    var lastAlive: Int64?
    var isStarted = false
    /// What selection knows of the clients; empty where it does not look at it.
    public internal(set) var history: SelectionHistory
    let sampling: SamplingSettings
    /// How a round's deadline follows from the history; nil for the job's own always.
    let adaptiveDeadline: AdaptiveDeadline?
    /// How the job goes on without rounds; nil for rounds.
    let asynchronous: AsynchronousSettings?
    /// Tasks and updates of an asynchronous job; nil for rounds.
    public internal(set) var buffer: UpdateBuffer?
    /// The models that are evaluated once the rounds are over.
    public internal(set) var study: ModelStudy
    let participants: Set<String>?
    /// Draws cohorts and counts their cost in a job with privacy.
    public internal(set) var privacy: RoundPrivacy?
    /// Why privacy allows no further round.
    var exhaustion: String?

    /// An engine for a job as the store holds it, new or begun. It does nothing before the event `start`.
    ///
    /// - Parameter privacy: of the job, charged with every round that is committed and not with one that is open.
    public init(
        resuming snapshot: EngineSnapshot, policy: RoundPolicy = .defaults, privacy: RoundPrivacy? = nil
    ) {
        specification = snapshot.specification
        self.policy = policy
        self.privacy = privacy
        completedRounds = snapshot.completedRounds
        weightsDigest = snapshot.weightsDigest
        status = snapshot.status
        declined = snapshot.declined
        offences = snapshot.offences
        failedInRound = snapshot.failedInRound
        failedAttempts = snapshot.failedAttempts
        lastFailure = snapshot.lastFailure
        pausedAt = snapshot.status.state == .paused ? snapshot.pausedAt ?? snapshot.lastAlive : nil
        lastAlive = snapshot.lastAlive
        participants = snapshot.specification.clients.participants.map(Set.init)
        sampling = Self.sampling(of: snapshot.specification)
        asynchronous = snapshot.specification.asynchronous.flatMap { try? AsynchronousSettings($0) }
        study = snapshot.study
        buffer = asynchronous.map { _ in snapshot.buffer ?? UpdateBuffer() }
        adaptiveDeadline = snapshot.specification.adaptiveDeadline.flatMap { try? AdaptiveDeadline($0) }
        history = snapshot.specification.usesHistory ? snapshot.history : SelectionHistory()
        if let current = snapshot.current {
            phase = .training(
                OpenRound(
                    record: current.cohort, updates: current.updates,
                    refused: Dictionary(current.refused.map { ($0.client, $0) }) { first, _ in first },
                    arrivals: current.arrivals
                )
            )
        }
        for evaluation in snapshot.evaluations {
            evaluations[evaluation.record.round] = OpenEvaluation(
                record: evaluation.record, reports: evaluation.reports,
                refused: Dictionary(evaluation.refused.map { ($0.client, $0) }) { first, _ in first }
            )
        }
        for known in snapshot.known {
            // The time of the loss is set at the start.
            members[known.client] = Member(examples: known.examples, lostAt: 0)
        }
        if status.state.isFinal { phase = .ended(status) }
    }

    /// How many participants must be ready before a cohort is drawn.
    public var quorum: Int {
        guard let asynchronous else { return max(specification.clients.minimum, specification.clients.minimumUpdates) }
        return hasBegun ? 1 : max(specification.clients.minimum, asynchronous.buffer)
    }

    /// Whether the job's final state is committed: the engine does nothing any more.
    public var isEnded: Bool {
        if case .ended = phase { true } else { false }
    }

    var isPaused: Bool { pausedAt != nil }

    /// When the engine wants a `tick` if nothing else happens before, milliseconds since 1970; nil for never.
    public var nextDeadline: Int64? {
        guard isStarted, !isPaused, !phase.isOver else { return nil }
        var times = evaluations.values.filter { !$0.isCommitting }.map(\.record.deadline)
        switch phase {
        case .training(let open): times.append(open.record.deadline)
        case .waiting where buffer != nil && hasBegun:
            times += buffer?.asked.values.map(\.deadline) ?? []
        case .waiting where readyTrainers.count >= quorum && evaluations.count < policy.maximumOpenEvaluations:
            // The draw waits until the last of them is not waited for any more.
            let settled = lostTrainers.compactMap { members[$0]?.lostAt.map { $0 + policy.settleMilliseconds } }
            if let last = settled.max() { times.append(last) }
        default: break
        }
        return times.min()
    }

    /// Takes an event that happened at `time` (milliseconds since 1970) and says what is to be done.
    public mutating func handle(_ event: RoundEvent, at time: Int64) -> [RoundAction] {
        if case .ended = phase { return [] }
        var actions: [RoundAction] = []
        take(event, at: time, &actions)
        advance(at: time, &actions)
        return actions
    }

    private mutating func take(_ event: RoundEvent, at time: Int64, _ actions: inout [RoundAction]) {
        switch event {
        case .together(let events): for event in events { take(event, at: time, &actions) }
        case .start: start(at: time, &actions)
        case .tick: break
        case .clientReady(let client, let examples, let holding):
            ready(client, examples: examples, holding: holding, &actions)
        case .clientLost(let client): lost(client, at: time)
        case .clientRevoked(let client): revoked(client, &actions)
        case .cohortCommitted(let round, let attempt): cohortCommitted(round, attempt, &actions)
        case .updateCommitted(let client, let round, let attempt, let statistics):
            updateCommitted(client, RoundTask(.train, round: round, attempt: attempt), statistics, at: time)
        case .taskRefused(let task, let refusal, let isDeclined):
            refused(task, refusal, isDeclined: isDeclined, &actions)
        case .attemptAborted(let round, let attempt, let reason):
            attemptAborted(round, attempt, reason, at: time, &actions)
        case .attemptFailureCommitted(let round, let attempt): failureCommitted(round, attempt, &actions)
        case .aggregated(let round, let attempt, let digest, let report, let norm):
            aggregated(round, attempt, digest, report, norm, at: time, &actions)
        case .aggregationFailed(let round, let attempt, let reason, let refusals):
            aggregationFailed(round, attempt, reason, refusals, at: time, &actions)
        case .aggregationHeld(let round, let attempt, let reason):
            aggregationHeld(round, attempt, reason, at: time, &actions)
        case .roundCommitted(let round): roundCommitted(round, &actions)
        case .ownModelsCommitted: ownModelsCommitted(&actions)
        case .modelMade(let number, let made): modelMade(number, made, at: time, &actions)
        case .modelHeld(let number, let reason): modelHeld(number, reason, at: time, &actions)
        case .studyCommitted(let round): studyCommitted(round, &actions)
        case .evaluationReported(let client, let round, let statistics):
            evaluationReported(client, round, statistics)
        case .evaluationCommitted(let round): evaluationCommitted(round, &actions)
        case .pause(let reason): pause(reason, at: time, &actions)
        case .resume: resume(at: time, &actions)
        case .stop(let reason): end(JobStatus(.stopped, reason: reason), &actions)
        case .fail(let reason): end(JobStatus(.failed, reason: reason), &actions)
        case .statusCommitted(let status): statusCommitted(status, &actions)
        }
    }
}
