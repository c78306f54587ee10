import Federation
import Jobs

/// An engine with short ways to feed it and to write down what it answers.
struct EngineScript {
    var engine: RoundEngine
    /// Answers to come, when the script acknowledges commits by itself.
    private(set) var pending: [RoundEvent] = []

    init(_ snapshot: EngineSnapshot, policy: RoundPolicy = RoundPolicy(settleMilliseconds: 0)) {
        engine = RoundEngine(resuming: snapshot, policy: policy)
    }

    /// The answer to one event, nothing acknowledged.
    mutating func send(_ event: RoundEvent, at time: Int64 = 0) -> [String] {
        engine.handle(event, at: time).map(brief)
    }

    /// The answers to an event and to the acknowledgements of everything it commits, aggregations included.
    mutating func run(_ event: RoundEvent, at time: Int64 = 0) -> [String] {
        var events = [event]
        var lines: [String] = []
        while !events.isEmpty {
            let actions = engine.handle(events.removeFirst(), at: time)
            lines += actions.map(brief)
            events += actions.compactMap(acknowledgement)
        }
        return lines
    }

    static func job(
        rounds: Int = 2, minimum: Int = 2, perRound: Int? = nil, updates: Int? = nil, participants: [String]? = nil,
        attempts: Int = 3, every: Int = 1, seed: UInt64 = 8
    ) -> JobSpecification {
        JobSpecification(
            name: "job", model: ["name": "m"], data: "d", rounds: rounds, seed: seed,
            clients: .init(
                minimum: minimum, perRound: perRound, minimumUpdates: updates, participants: participants),
            deadline: 100, attempts: attempts, evaluation: .init(every: every, deadline: 50))
    }
}

func acknowledgement(_ action: RoundAction) -> RoundEvent? {
    switch action {
    case .commitCohort(let record): .cohortCommitted(round: record.round, attempt: record.attempt)
    case .commitAttemptFailure(let failure):
        .attemptFailureCommitted(round: failure.round, attempt: failure.attempt)
    case .aggregate(let order):
        .aggregated(round: order.round, attempt: order.attempt, weightsDigest: digest(order))
    case .commitRound(let result): .roundCommitted(round: result.round)
    case .commitEvaluation(let result): .evaluationCommitted(round: result.round)
    case .commitStatus(let status): .statusCommitted(status)
    case .commitOwnModels(let result): .ownModelsCommitted(round: result.round)
    case .makeModel(let order): .modelMade(number: order.number, .made(digest: digest(order)))
    case .commitStudy(let record): .studyCommitted(round: record.evaluation.round)
    case .commitDeadline, .commitRefusal, .offer, .cancel: nil
    }
}

/// Stands for a studied model.
func digest(_ order: ModelOrder) -> String { order.fold.map(digest) ?? order.weightsDigest }

/// Stands for the weights: a text of everything that goes into them.
func digest(_ order: AggregationOrder) -> String {
    let parts = order.updates.map { "\($0.client):\($0.statistics.examples)" }
    return "\(order.weightsDigest)/\(order.round)(\(parts.joined(separator: ",")))"
}

func brief(_ task: RoundTask) -> String { "\(task.kind.rawValue) \(task.round).\(task.attempt)" }

func brief(_ action: RoundAction) -> String {
    func list(_ refusals: [TaskRefusal]) -> String {
        refusals.isEmpty ? "" : " without " + refusals.map { "\($0.client):\($0.code)" }.joined(separator: ",")
    }
    return switch action {
    case .commitCohort(let record):
        "cohort \(record.round).\(record.attempt) \(record.cohort.joined(separator: ",")) until \(record.deadline)"
    case .commitDeadline(let task, let deadline): "deadline \(brief(task)) \(deadline)"
    case .offer(let offer, let client): "offer \(brief(offer.task)) \(client)"
    case .cancel(let task, let client, _): "cancel \(brief(task)) \(client)"
    case .commitRefusal(let task, let refusal, let isDeclined):
        "refuse \(brief(task)) \(refusal.client):\(refusal.code)\(isDeclined ? " declined" : "")"
    case .commitAttemptFailure(let failure): "failed \(failure.round).\(failure.attempt)\(list(failure.refusals))"
    case .aggregate(let order):
        "aggregate \(order.round).\(order.attempt) \(order.updates.map(\.client).joined(separator: ","))"
    case .commitRound(let result):
        "round \(result.round).\(result.attempt)\(list(result.refusals))"
            + (result.evaluation.map { " evaluated by \($0.evaluators.joined(separator: ","))" } ?? "")
    case .commitEvaluation(let result):
        "evaluation \(result.round) \(result.reported.joined(separator: ","))\(list(result.refusals))"
    case .commitOwnModels(let result):
        "own models \(result.round) \(result.updates.map(\.client).joined(separator: ","))\(list(result.refusals))"
    case .makeModel(let order): "make \(order.number) \(digest(order))"
    case .commitStudy(let record):
        "study \(record.evaluation.round) \(record.model.kind.rawValue) \(record.model.clients.joined(separator: ",")) by "
            + record.evaluation.evaluators.joined(separator: ",") + " until \(record.evaluation.deadline)"
            + (record.failure.map { " failed: \($0)" } ?? "")
    case .commitStatus(let status): "status \(status.state.rawValue)"
    }
}

extension RoundEvent {
    static func ready(_ client: String, test: Bool = false, holding: Set<RoundTask> = []) -> RoundEvent {
        .clientReady(client: client, examples: test ? ["train": 10, "test": 5] : ["train": 10], holding: holding)
    }

    static func evaluator(_ client: String) -> RoundEvent {
        .clientReady(client: client, examples: ["test": 5], holding: [])
    }

    static func update(_ client: String, _ round: Int, _ attempt: Int = 0, examples: Int = 10) -> RoundEvent {
        .updateCommitted(
            client: client, round: round, attempt: attempt, statistics: TaskStatistics(examples: examples))
    }

    static func refuse(
        _ client: String, _ round: Int, _ attempt: Int = 0, kind: RoundTask.Kind = .train, code: String = "trainer",
        declined: Bool = false
    ) -> RoundEvent {
        .taskRefused(
            task: RoundTask(kind, round: round, attempt: attempt),
            refusal: TaskRefusal(client: client, code: code, reason: "because"), isDeclined: declined)
    }

    static func report(_ client: String, _ round: Int) -> RoundEvent {
        .evaluationReported(
            client: client, round: round,
            statistics: TaskStatistics(examples: 5, sums: ["loss": 2.5], confusion: [[3, 0], [1, 1]]))
    }
}
