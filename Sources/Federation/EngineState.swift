import Jobs

/// What the engine remembers of the round that is open.
struct OpenRound: Sendable {
    var record: CohortRecord
    var updates: [String: TaskStatistics] = [:]
    var refused: [String: TaskRefusal] = [:]
    /// When each update was committed.
    var arrivals: [String: Int64] = [:]

    var task: RoundTask { RoundTask(.train, round: record.round, attempt: record.attempt) }

    /// The cohort's clients that gave neither an update nor a reason, in order.
    var unresolved: [String] { record.cohort.filter { isUnresolved($0) } }

    var isResolved: Bool { updates.count + refused.count >= record.cohort.count }

    func isUnresolved(_ client: String) -> Bool { updates[client] == nil && refused[client] == nil }

    /// The cohort is in order.
    func contains(_ client: String) -> Bool { Participants.contains(client, in: record.cohort) }

    /// The refusals, and one for every client that owes an answer, in order of the clients' names.
    func refusals(unresolved refusal: ((String) -> TaskRefusal)?) -> [TaskRefusal] {
        (refused.values + (refusal.map { unresolved.map($0) } ?? [])).inOrder()
    }
}

/// What the engine remembers of an evaluation that is open.
struct OpenEvaluation: Sendable {
    var record: EvaluationRecord
    var reports: [String: TaskStatistics] = [:]
    var refused: [String: TaskRefusal] = [:]
    /// Whether the result is on its way into the store: nothing counts any more.
    var isCommitting = false

    var task: RoundTask { RoundTask(.evaluate, round: record.round, attempt: record.attempt) }

    var unresolved: [String] { record.evaluators.filter { isUnresolved($0) } }

    var isResolved: Bool { reports.count + refused.count >= record.evaluators.count }

    func isUnresolved(_ client: String) -> Bool { reports[client] == nil && refused[client] == nil }

    /// The result as it stands; who owes a report missed the deadline.
    var result: EvaluationResult {
        let totals = TaskStatistics.total(reports)
        return EvaluationResult(
            round: record.round, reported: Participants.sorted(reports.keys),
            refusals: (refused.values + unresolved.map { TaskRefusal.deadline($0) }).inOrder(), totals: totals,
            metrics: Metrics.derive(from: totals)
        )
    }
}

/// Where the engine stands. A case named with -ing and "commit" waits for the store's answer.
enum EnginePhase: Sendable {
    /// Between rounds: for a quorum.
    case waiting
    case committingCohort(OpenRound)
    case training(OpenRound)
    case aggregating(OpenRound, AggregationOrder, isHeld: Bool)
    case committingRound(OpenRound, RoundResult)
    case committingOwnModels(OpenRound, OwnModelsResult)
    case committingFailure(OpenRound, FailedAttempt)
    /// All rounds are done: for the last evaluations.
    case evaluating
    case committingEnd(JobStatus, cancelling: [OpenTask])
    case ended(JobStatus)

    /// The open round, whatever is being done with it.
    var open: OpenRound? {
        switch self {
        case .committingCohort(let open), .training(let open), .aggregating(let open, _, _),
            .committingRound(let open, _), .committingFailure(let open, _), .committingOwnModels(let open, _):
            open
        case .waiting, .evaluating, .committingEnd, .ended: nil
        }
    }

    var isOver: Bool {
        switch self {
        case .committingEnd, .ended: true
        default: false
        }
    }
}

/// A task in a client's hands.
struct OpenTask: Sendable {
    var task: RoundTask
    var client: String
}

/// A client that the engine knows of.
struct Member: Sendable {
    var examples: [String: Int]
    /// When it was lost; nil while it has a session.
    var lostAt: Int64?

    var isReady: Bool { lostAt == nil }
}

extension TaskRefusal {
    static func deadline(_ client: String) -> TaskRefusal {
        TaskRefusal(client: client, code: "deadline", reason: "no result before the deadline")
    }

    static func surplus(_ client: String) -> TaskRefusal {
        TaskRefusal(client: client, code: "surplus", reason: "the round had enough updates before this one")
    }
}

extension Sequence<TaskRefusal> {
    func inOrder() -> [TaskRefusal] {
        sorted { Participants.precedes($0.client, $1.client) }
    }
}
