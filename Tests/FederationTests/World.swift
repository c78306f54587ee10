import Federation
import Jobs
import Randomness

/// The rows that a coordinator would hold for one job.
struct MemoryStore {
    var specification: JobSpecification
    var status = JobStatus(.queued)
    var pausedAt: Int64?
    var results: [RoundResult] = []
    var evaluationResults: [Int: EvaluationResult] = [:]
    var failures: [FailedAttempt] = []
    var cohort: CohortRecord?
    var updates: [String: TaskStatistics] = [:]
    var openEvaluations: [Int: EvaluationRecord] = [:]
    var reports: [Int: [String: TaskStatistics]] = [:]
    var refusals: [RoundTask: [TaskRefusal]] = [:]
    var declined: Set<String> = []
    var known: [String: [String: Int]] = [:]
    var lastAlive: Int64 = 0
    var arrivals: [String: Int64] = [:]
    var history = SelectionHistory()
    var study = ModelStudy()
    var studied: [StudyRecord] = []

    var snapshot: EngineSnapshot {
        let round = results.count
        let failed = failures.filter { $0.round == round }
        return EngineSnapshot(
            specification: specification, weightsDigest: results.last?.weightsDigest ?? "w", status: status,
            pausedAt: pausedAt, completedRounds: round, failedAttempts: failed.count,
            failedInRound: Set(failed.flatMap(\.refusals).map(\.client)), lastFailure: failed.last?.reason ?? "",
            declined: declined,
            current: cohort.map { record in
                let task = RoundTask(.train, round: record.round, attempt: record.attempt)
                return .init(cohort: record, updates: updates, refused: refusals[task] ?? [], arrivals: arrivals)
            },
            evaluations: openEvaluations.values.map { record in
                let task = RoundTask(.evaluate, round: record.round, attempt: record.attempt)
                return .init(record: record, reports: reports[record.round] ?? [:], refused: refusals[task] ?? [])
            },
            known: known.map { .init(client: $0.key, examples: $0.value) }, history: history, study: study,
            lastAlive: lastAlive)
    }

    mutating func perform(_ action: RoundAction, at time: Int64) {
        switch action {
        case .commitCohort(let record):
            cohort = record
            updates = [:]
            arrivals = [:]
            history.notePresent(record.present)
        case .commitDeadline(let task, let deadline):
            if task.kind == .train {
                cohort?.deadline = deadline
            } else {
                openEvaluations[task.round]?.deadline = deadline
            }
        case .commitRefusal(let task, let refusal, let isDeclined):
            refusals[task, default: []].append(refusal)
            if isDeclined { declined.insert(refusal.client) }
        case .commitAttemptFailure(let failure):
            failures.append(failure)
            cohort = nil
        case .commitRound(let result):
            results.append(result)
            history.take(result, arrivals: arrivals)
            cohort = nil
            openEvaluations[result.round] = result.evaluation
            if specification.isStudied(round: result.round) {
                study.lastRound = AggregationOrder(
                    round: result.round, attempt: result.attempt, weightsDigest: result.baseDigest,
                    updates: result.admitted)
            }
        case .commitEvaluation(let result):
            evaluationResults[result.round] = result
            openEvaluations[result.round] = nil
        case .commitStatus(let new):
            status = new
            pausedAt = new.state == .paused ? time : nil
        case .commitOwnModels(let result):
            cohort = nil
            study.own = result.updates
        case .commitStudy(let record):
            study.committed += 1
            studied.append(record)
            openEvaluations[record.evaluation.round] = record.evaluation
            if record.model.isAcross {
                study.sites = study.sites ?? record.evaluation.evaluators
            } else {
                study.jury = study.jury ?? record.evaluation.evaluators
            }
        case .offer, .cancel, .aggregate, .makeModel: break
        }
    }
}

/// A coordinator, its clients and time, all scripted: every choice is a draw keyed by what it is for, so that a run with
/// crashes meets the same clients as one without.
///
/// A round that cannot succeed any more fails at once, so who is blamed for it depends on the order of the answers. Sites
/// therefore answer 30 s apart, which is more than a crash and an interruption together take.
struct World {
    enum Conduct { case works, fails, declines, leaves }

    struct Incident { var time: Int64, order: Int, kind: Kind }
    enum Kind { case finished(String, RoundTask), left(String, isForGood: Bool), returned(String) }

    struct Site {
        var examples: [String: Int]
        var isConnected = true
        var isGone = false
        /// Tasks in hand, and since when the result is ready.
        var tasks: [RoundTask: Int64?] = [:]
    }

    let seed: UInt64
    var store: MemoryStore
    var engine: RoundEngine
    var sites: [String: Site] = [:]
    var now: Int64 = 0
    var incidents: [Incident] = []
    var order = 0
    /// Steps at which the coordinator can die: every event handled and every action performed.
    var steps = 0
    var crashes: Set<Int>
    var log: [String] = []

    struct Crash: Error {}

    init(seed: UInt64, crashes: Set<Int> = []) {
        self.seed = seed
        self.crashes = crashes
        var stream = RandomStream(seed: seed, purpose: "world")
        let trainers = 3 + stream.below(4)
        let perRound = 2 + stream.below(trainers - 1)
        let minimumUpdates = 1 + stream.below(perRound)
        var job = EngineScript.job(
            rounds: 4, minimum: 1 + stream.below(3), perRound: perRound, updates: minimumUpdates,
            attempts: 2 + stream.below(3), every: 1 + stream.below(2), seed: seed)
        job.deadline = 600
        job.evaluation.deadline = 400
        if seed % 4 == 1 { job.clients.targetUpdates = minimumUpdates }
        // Those whose draws do not depend on how long anything took.
        let samplings = ["uniform", "weighted", "power-of-choice", "availability", "stratified"]
        if seed % 4 < 2 { job.crossSite = .all }
        if seed % 3 == 0 { job.contributions = ContributionSettings(method: seed % 2 == 0 ? .loo : .shapley) }
        job.clients.sampling = .init(["name": .string(samplings[Int(seed) % samplings.count])])
        store = MemoryStore(specification: job)
        engine = RoundEngine(resuming: store.snapshot)
        for index in 0..<trainers {
            sites["site-\(index)"] = Site(examples: index % 2 == 0 ? ["train": 10] : ["train": 10, "test": 4])
        }
        sites["evaluator"] = Site(examples: ["test": 20])
        store.known = sites.mapValues(\.examples)
    }

    private func draw(_ purpose: String, _ client: String, _ task: RoundTask, below bound: Int) -> Int {
        var stream = RandomStream(
            seed: seed, purpose: purpose + task.kind.rawValue, round: UInt32(task.round), client: clientIndex(client),
            layer: UInt32(task.attempt))
        return stream.below(bound)
    }

    /// The place of the client among all sites in the order of answering this task, from 1.
    private func rank(_ client: String, _ task: RoundTask) -> Int {
        var stream = RandomStream(
            seed: seed, purpose: "rank" + task.kind.rawValue, round: UInt32(task.round), layer: UInt32(task.attempt))
        let order = stream.shuffled(Participants.sorted(sites.keys))
        return 1 + (order.firstIndex(of: client) ?? 0)
    }

    private func conduct(_ client: String, _ task: RoundTask) -> Conduct {
        // One site never wants to train.
        if task.kind == .train, client == "site-1", seed % 3 == 0 { return .declines }
        return switch draw("conduct", client, task, below: 14) {
        case 0, 1: .fails
        case 2 where task.kind == .train && client != "site-0": .leaves
        default: .works
        }
    }

    private mutating func schedule(_ kind: Kind, after delay: Int64) {
        order += 1
        incidents.append(Incident(time: now + delay, order: order, kind: kind))
    }

    private mutating func step() throws {
        steps += 1
        store.lastAlive = now
        if crashes.contains(steps) { throw Crash() }
    }

    /// Hands an event over, and performs everything that follows from it.
    private mutating func handle(_ event: RoundEvent) throws {
        var events = [event]
        while !events.isEmpty {
            try step()
            let actions = engine.handle(events.removeFirst(), at: now)
            for action in actions {
                try step()
                store.perform(action, at: now)
                log.append("\(now) \(brief(action))")
                switch action {
                case .offer(let offer, let client): take(offer.task, client)
                case .cancel(let task, let client, _): sites[client]?.tasks[task] = nil
                default: break
                }
                if let answer = acknowledgement(action) { events.append(answer) }
            }
        }
    }

    private mutating func take(_ task: RoundTask, _ client: String) {
        guard let site = sites[client], site.isConnected, site.tasks[task] == nil else { return }
        if conduct(client, task) == .leaves { return schedule(.left(client, isForGood: true), after: 1) }
        sites[client]?.tasks[task] = .some(nil)
        schedule(.finished(client, task), after: Int64(rank(client, task) * 30_000))
        // A short interruption now and then.
        if draw("blip", client, task, below: 5) == 0 { schedule(.left(client, isForGood: false), after: 500) }
    }

    private mutating func deliver(_ client: String, _ task: RoundTask) throws {
        guard let site = sites[client], site.isConnected, case .some(.some) = site.tasks[task] else { return }
        if engine.standing(of: task, client: client) == .wanted {
            switch conduct(client, task) {
            case .works:
                let examples = 1 + draw("examples", client, task, below: 50)
                let statistics = TaskStatistics(examples: examples, sums: ["loss": Double(examples) / 3])
                try step()
                if task.kind == .train {
                    store.updates[client] = statistics
                    store.arrivals[client] = now
                    try handle(
                        .updateCommitted(
                            client: client, round: task.round, attempt: task.attempt, statistics: statistics))
                } else {
                    store.reports[task.round, default: [:]][client] = statistics
                    try handle(.evaluationReported(client: client, round: task.round, statistics: statistics))
                }
            case .fails, .leaves: try handle(.refuse(client, task.round, task.attempt, kind: task.kind))
            case .declines:
                try handle(.refuse(client, task.round, task.attempt, kind: task.kind, code: "no", declined: true))
            }
        }
        sites[client]?.tasks[task] = nil
    }

    private mutating func connect(_ client: String) throws {
        guard let site = sites[client] else { return }
        sites[client]?.isConnected = true
        store.known[client] = site.examples
        try handle(.clientReady(client: client, examples: site.examples, holding: Set(site.tasks.keys)))
    }

    /// Hands over what is ready, the oldest first.
    private mutating func deliverAll() throws {
        var ready: [(since: Int64, client: String, task: RoundTask)] = []
        for (client, site) in sites {
            for (task, since) in site.tasks { if let since { ready.append((since, client, task)) } }
        }
        for result in ready.sorted(by: { ($0.since, $0.client, brief($0.task)) < ($1.since, $1.client, brief($1.task)) }
        ) {
            try deliver(result.client, result.task)
        }
    }

    private mutating func happen(_ incident: Incident, isUp: Bool) throws {
        switch incident.kind {
        case .finished(let client, let task):
            guard sites[client]?.tasks[task] != nil else { return }
            sites[client]?.tasks[task] = now
            if isUp { try deliver(client, task) }
        case .left(let client, let isForGood):
            guard let site = sites[client], !site.isGone else { return }
            sites[client]?.isGone = isForGood
            guard site.isConnected else { return }
            sites[client]?.isConnected = false
            if !isForGood { schedule(.returned(client), after: 3000) }
            if isUp { try handle(.clientLost(client: client)) }
        case .returned(let client):
            guard sites[client]?.isGone == false else { return }
            sites[client]?.isConnected = true
            if isUp {
                try connect(client)
                try deliverAll()
            }
        }
    }

    private mutating func nextIncident(before limit: Int64?) -> Incident? {
        guard
            let index = incidents.indices.min(by: {
                (incidents[$0].time, incidents[$0].order) < (incidents[$1].time, incidents[$1].order)
            }), limit.map({ incidents[index].time < $0 }) ?? true
        else { return nil }
        return incidents.remove(at: index)
    }

    /// Runs until the job is over or nothing can happen any more.
    mutating func run() {
        var isUp = false
        var downtime: Int64 = 0
        while steps < 100_000 {
            do {
                if !isUp {
                    // What the sites do meanwhile.
                    while let incident = nextIncident(before: now + downtime) {
                        now = max(now, incident.time)
                        try happen(incident, isUp: false)
                    }
                    now += max(0, downtime)
                    engine = RoundEngine(resuming: store.snapshot)
                    isUp = true
                    try handle(.start)
                    var stream = RandomStream(seed: seed, purpose: "arrival", round: UInt32(steps))
                    for client in stream.shuffled(Participants.sorted(sites.keys))
                    where sites[client]?.isConnected == true {
                        try connect(client)
                    }
                    try deliverAll()
                }
                while !engine.isEnded {
                    let due = engine.nextDeadline
                    if let incident = nextIncident(before: due) {
                        now = max(now, incident.time)
                        try happen(incident, isUp: true)
                    } else if let due {
                        now = max(now, due)
                        try handle(.tick)
                    } else {
                        return
                    }
                }
                return
            } catch {
                log.append("\(now) crash")
                isUp = false
                downtime = 7000
            }
        }
    }

    /// What must not depend on crashes.
    var outcome: [String] {
        var lines = store.results.map { result in
            let refusals = result.refusals.map { "\($0.client):\($0.code)" }
            return
                "\(result.round).\(result.attempt) \(result.cohort) \(refusals) \(result.weightsDigest) \(result.totals)"
        }
        lines += store.failures.map { failure in
            let refusals = failure.refusals.map { "\($0.client):\($0.code)" }
            return "\(failure.round).\(failure.attempt) \(refusals) \(failure.reason)"
        }
        lines += store.evaluationResults.sorted { $0.key < $1.key }.map {
            "evaluation \($0.key) \($0.value.reported) \($0.value.metrics)"
        }
        lines += store.studied.map { record in
            "\(record.model.kind) \(record.model.clients) \(record.evaluation.weightsDigest)"
        }
        return lines + ["\(store.status)"]
    }
}
