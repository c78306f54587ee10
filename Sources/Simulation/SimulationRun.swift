internal import Aggregation
internal import Crypto
internal import Datasets
internal import Federation
internal import Foundation
public import Jobs
internal import Synchronization
internal import Training
public import Weights

/// One simulated job: the same round engine, admission and fold as at a coordinator, over virtual clients that share one
/// copy of the data and a few workers.
///
/// Results depend on the job, its seed and the partition alone: not on how many workers there are, on which finishes first,
/// or on whether the run was interrupted. Events reach the engine in the order in which their tasks were offered.
public final class SimulationRun {
    /// How a run is carried out; none of it changes a result.
    public struct Options: Sendable {
        /// The folder for `metrics.jsonl`, `timings.jsonl` and the checkpoints.
        public var output: String
        /// How many clients train at once.
        public var workers: Int
        /// Whether to go on from the checkpoint in `output`; otherwise the folder must not hold one.
        public var resumes: Bool
        /// Seconds between checkpoints; 0 makes one after every round.
        public var checkpointSeconds: Double

        /// Options with their defaults.
        public init(output: String, workers: Int, resumes: Bool = false, checkpointSeconds: Double = 10) {
            self.output = output
            self.workers = workers
            self.resumes = resumes
            self.checkpointSeconds = checkpointSeconds
        }
    }

    /// How a run ended.
    public struct Outcome: Sendable {
        /// Whether all rounds are done; false after an interruption.
        public var isComplete: Bool
        /// The job's state with its reason.
        public var status: JobStatus
        /// The weights after the last completed round.
        public var weights: Weights
        /// Their digest.
        public var digest: String
        /// SHA-256 of the initial weights.
        public var initialDigest: String
        /// The round that `selectBy` prefers, and its weights.
        public var best: (round: Int, weights: Weights)?
        /// Seconds of work, interruptions left out.
        public var seconds: Double
    }

    /// What is reported while a run goes on.
    public enum Progress: Sendable {
        /// A line of metrics.
        case metrics(MetricsLine)
        /// A round is complete.
        case round(Int, of: Int)
    }

    private enum Pending {
        case update(WorkerPool<SimulationWorker>.Pending<RoundTraining.Result>)
        case reports([(split: String, WorkerPool<SimulationWorker>.Pending<TaskStatistics>)])
    }

    private struct Offered {
        var task: RoundTask
        var client: String
        var result: Pending
    }

    /// The virtual client that holds the held-out splits, named as `tributary partition` names its folder.
    public static let evaluator = "evaluator"

    let specification: JobSpecification
    let data: SimulationData
    let options: Options
    private let strategy: any AggregationStrategy
    private let rules: TensorRules
    let updateSchema: WeightsSchema
    private let foldSchema: WeightsSchema
    private let clients: [String: VirtualClient]
    let folder: CheckpointFolder
    let fingerprint: String
    private let pool: WorkerPool<SimulationWorker>
    let metrics: MetricsLog
    let timings: MetricsLog
    /// Whether clients remember anything: their states are then those of the last checkpoint's round, so there is one
    /// after each.
    private let keepsState: Bool
    private let stop: @Sendable () -> Bool
    private let progress: (Progress) -> Void

    var engine: RoundEngine
    var weights: [String: Weights]
    private var offered: [Offered] = []
    private var updates: [String: Weights] = [:]
    var openEvaluations: [Int: EvaluationRecord] = [:]
    var declined: Set<String>
    let initialDigest: String
    var best: SimulationCheckpoint.Best?
    /// The state after the last completed round, on disk or not yet.
    var latest: SimulationCheckpoint?
    /// Weights by the round whose evaluation is under way.
    var evaluated: [Int: String] = [:]
    private let secondsBefore: Double
    private var begin = ContinuousClock.now
    private var roundBegin = ContinuousClock.now
    var lastSave = ContinuousClock.now
    private var waiting = Duration.zero
    private var folding = Duration.zero

    /// Prepares a run: makes the workers and the initial weights, or reads the checkpoint.
    ///
    /// - Parameters:
    ///   - stop: asked between events; true ends the run with a checkpoint.
    ///   - progress: called on this thread.
    /// - Throws: ``SimulationError``, `TrainingError`, `JobsError`, or an error of the disk.
    public init(
        _ specification: JobSpecification, data: SimulationData, options: Options,
        stop: @escaping @Sendable () -> Bool = { false }, progress: @escaping (Progress) -> Void = { _ in }
    ) throws {
        var specification = specification
        if let settings = try? StrategySettings(specification.strategy), settings.needsPopulation,
            specification.population == nil
        {
            specification.strategy["clients"] = .int(data.clients.count)
        }
        specification = try specification.validated()
        self.specification = specification
        self.data = data
        self.options = options
        self.stop = stop
        self.progress = progress
        clients = Dictionary(uniqueKeysWithValues: data.clients.map { ($0.name, $0) })
        let manifest = SiteManifest(
            dataset: data.train.name, classes: data.train.classes, modalities: data.train.modalities, splits: [:])
        let pool = WorkerPool(count: max(1, options.workers)) { [specification] in
            try SimulationWorker(specification, manifest: manifest, state: options.output + "/state")
        }
        self.pool = pool
        do {
            folder = try CheckpointFolder(options.output + "/checkpoint")
            fingerprint = try Self.fingerprint(specification, data)
            let saved = try folder.load()
            let initial = try pool.submit { try $0.initialWeights() }.value()
            updateSchema = try specification.updateSchema(for: initial.schema)
            strategy = try AggregationStrategies.make(specification.serverRule())
            rules = try specification.tensorRules(for: initial.schema)
            foldSchema = try initial.schema.updateSchema()
            initialDigest = initial.digest()
            switch try StrategySettings(specification.strategy).name {
            case .fedavg, .fedprox, .fedopt, .fedrs, .fednova: keepsState = false
            case .scaffold, .feddyn, .moon, .fedbn, .fedper, .fedrep, .ditto: keepsState = true
            }
            let checkpoint = try Self.check(saved?.checkpoint, fingerprint, options)
            metrics = try MetricsLog(
                path: options.output + "/metrics.jsonl", keeping: checkpoint?.metricsBytes ?? 0)
            timings = try MetricsLog(
                path: options.output + "/timings.jsonl", keeping: checkpoint?.timingsBytes ?? 0)
            weights = saved.map(\.weights).flatMap { checkpoint == nil ? nil : $0 } ?? [:]
            if checkpoint == nil {
                weights[initialDigest] = initial
                // Left by a run that had no checkpoint yet.
                try? FileManager.default.removeItem(atPath: options.output + "/state")
            }
            best = checkpoint?.best
            secondsBefore = checkpoint?.seconds ?? 0
            latest = checkpoint
            declined = Set(checkpoint?.declined ?? [])
            engine = RoundEngine(
                resuming: Self.snapshot(specification, checkpoint, initialDigest),
                policy: RoundPolicy(settleMilliseconds: 0))
        } catch {
            pool.shutDown()
            throw error
        }
        for evaluation in latest?.evaluations ?? [] { openEvaluations[evaluation.round] = evaluation.record }
    }

    deinit { pool.shutDown() }

    // MARK: Running

    /// Runs until the job is over or `stop` says so.
    ///
    /// - Throws: ``SimulationError`` `failed` when the job fails or nothing can happen any more.
    public func run() throws -> Outcome {
        begin = .now
        roundBegin = .now
        for client in data.clients {
            try handle(.clientReady(client: client.name, examples: ["train": client.rows.count], holding: []))
        }
        let heldOut = data.heldOut.mapValues(\.count)
        if !heldOut.isEmpty {
            try handle(.clientReady(client: Self.evaluator, examples: heldOut, holding: []))
        }
        try handle(.start)
        while !engine.isEnded {
            if stop() {
                try save()
                return try outcome(isComplete: false)
            }
            guard !offered.isEmpty else {
                throw SimulationError(.failed, "nothing can happen any more: \(engine.summary)")
            }
            try complete(offered.removeFirst())
        }
        guard engine.status.state == .finished else {
            throw SimulationError(.failed, "the job is \(engine.status.state.rawValue): \(engine.status.reason)")
        }
        capture()
        try save()
        return try outcome(isComplete: true)
    }

    private func outcome(isComplete: Bool) throws -> Outcome {
        let digest = latest?.weights ?? initialDigest
        guard let last = weights[digest] else {
            throw SimulationError(.checkpoint, "the last weights are not there any more")
        }
        return Outcome(
            isComplete: isComplete, status: engine.status, weights: last, digest: digest, initialDigest: initialDigest,
            best: best.flatMap { best in weights[best.weights].map { (round: best.round, weights: $0) } },
            seconds: elapsed)
    }

    var elapsed: Double { secondsBefore + Self.seconds(ContinuousClock.now - begin) }

    /// Hands an event to the engine and carries out what follows, until nothing follows.
    private func handle(_ event: RoundEvent) throws {
        var events = [event]
        while !events.isEmpty {
            for action in engine.handle(events.removeFirst(), at: 0) { events += try perform(action) }
        }
    }

    private func perform(_ action: RoundAction) throws -> [RoundEvent] {
        switch action {
        case .commitCohort(let record):
            return [.cohortCommitted(round: record.round, attempt: record.attempt)]
        case .offer(let offer, let client):
            try assign(offer, to: client)
        case .commitRefusal(let task, let refusal, let isDeclined):
            if isDeclined && task.kind == .train { declined.insert(refusal.client) }
        case .commitAttemptFailure(let failure):
            updates = [:]
            return [.attemptFailureCommitted(round: failure.round, attempt: failure.attempt)]
        case .aggregate(let order):
            return [try aggregate(order)]
        case .commitRound(let result):
            try commit(result)
            return [.roundCommitted(round: result.round)]
        case .commitEvaluation(let result):
            openEvaluations[result.round] = nil
            if let value = result.metrics[specification.selectBy.metric],
                specification.selectBy.isBetter(value, than: best?.value), let digest = evaluated[result.round]
            {
                best = .init(round: result.round, value: value, weights: digest)
            }
            evaluated[result.round] = nil
            return [.evaluationCommitted(round: result.round)]
        case .commitStatus(let status):
            return [.statusCommitted(status)]
        case .commitDeadline, .cancel:
            break
        }
        return []
    }

    private func assign(_ offer: TaskOffer, to client: String) throws {
        guard let global = weights[offer.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(offer.task.round) are not there any more")
        }
        let result: Pending
        switch offer.task.kind {
        case .train:
            guard let own = clients[client] else {
                throw SimulationError(.data, "the partition has no client \(client)")
            }
            let (data, round) = (data, offer.task.round)
            result = .update(pool.submit { try $0.train(own, of: data, round: round, global: global) })
        case .evaluate:
            evaluated[offer.task.round] = offer.weightsDigest
            // The largest first: the workers end closer together.
            let splits = data.heldOut.sorted { ($0.value.count, $1.key) > ($1.value.count, $0.key) }
            result = .reports(
                splits.map { split, view in
                    (split, pool.submit { try $0.evaluate(view, split: split, weights: global) })
                })
        }
        offered.append(Offered(task: offer.task, client: client, result: result))
    }

    /// Waits for the oldest task and tells the engine what came of it.
    private func complete(_ offer: Offered) throws {
        let start = ContinuousClock.now
        switch offer.result {
        case .update(let pending):
            let result = Result { try pending.value() }
            waiting += ContinuousClock.now - start
            guard engine.standing(of: offer.task, client: offer.client) == .wanted else { return }
            do {
                let result = try result.get()
                let statistics = result.statistics
                try admit(result.update, statistics)
                // Before the update counts, as at a daemon.
                let state = FolderClientState(
                    folder: "\(options.output)/state/\(offer.client)", round: offer.task.round)
                for (name, weights) in result.state.sorted(by: { $0.key < $1.key }) {
                    try state.save(name, weights)
                }
                updates[offer.client] = result.update
                try handle(
                    .updateCommitted(
                        client: offer.client, round: offer.task.round, attempt: offer.task.attempt,
                        statistics: statistics))
            } catch let error as TrainingError {
                try handle(
                    .taskRefused(
                        task: offer.task,
                        refusal: TaskRefusal(client: offer.client, code: "trainer", reason: "\(error)"),
                        isDeclined: false))
            } catch let refusal as TaskRefusalError {
                try handle(
                    .taskRefused(
                        task: offer.task,
                        refusal: TaskRefusal(client: offer.client, code: refusal.code, reason: refusal.reason),
                        isDeclined: false))
            }
        case .reports(let splits):
            var own: TaskStatistics?
            for (split, pending) in splits.sorted(by: { $0.split < $1.split }) {
                let statistics = try pending.value()
                if split == specification.evaluation.split { own = statistics }
                try report(
                    MetricsLine(
                        round: offer.task.round, split: split, examples: statistics.examples,
                        metrics: Metrics.derive(from: statistics), confusion: statistics.confusion))
            }
            waiting += ContinuousClock.now - start
            guard let own else {
                throw SimulationError(.job, "there is no held-out split \"\(specification.evaluation.split)\"")
            }
            try handle(.evaluationReported(client: offer.client, round: offer.task.round, statistics: own))
        }
    }

    private struct TaskRefusalError: Error {
        var code: String
        var reason: String
    }

    /// What a coordinator checks of every update.
    private func admit(_ update: Weights, _ statistics: TaskStatistics) throws {
        guard (1...specification.limits.maximumExamples).contains(statistics.examples) else {
            throw TaskRefusalError(
                code: "examples",
                reason: "\(statistics.examples) examples, the job allows 1 to \(specification.limits.maximumExamples)")
        }
        guard update.allFinite else {
            throw TaskRefusalError(code: "non-finite", reason: "the update holds values that are not finite")
        }
    }

    private func aggregate(_ order: AggregationOrder) throws -> RoundEvent {
        let start = ContinuousClock.now
        defer { folding += ContinuousClock.now - start }
        guard let global = weights[order.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(order.round) are not there any more")
        }
        do {
            let sources = try order.updates.map { admitted in
                guard let update = updates[admitted.client] else {
                    throw SimulationError(.failed, "the update of \(admitted.client) is not there any more")
                }
                return try PartialUpdate(
                    clientID: admitted.client, examples: admitted.statistics.examples, tensors: update,
                    expected: updateSchema, shownAs: foldSchema)
            }
            let next = try strategy.aggregate(global: global, updates: sources, rules: rules)
            let digest = next.digest()
            weights[digest] = next
            return .aggregated(round: order.round, attempt: order.attempt, weightsDigest: digest)
        } catch let error as AggregationError {
            return .aggregationFailed(round: order.round, attempt: order.attempt, reason: "\(error)")
        }
    }

    private func commit(_ result: RoundResult) throws {
        updates = [:]
        if let evaluation = result.evaluation { openEvaluations[result.round] = evaluation }
        let size = Safetensors.canonicalSize(updateSchema)
        try report(
            MetricsLine(
                round: result.round, split: "train", examples: result.totals.examples,
                clients: result.admitted.count,
                refusals: result.refusals.isEmpty
                    ? nil : Dictionary(result.refusals.map { ($0.client, $0.code) }) { first, _ in first },
                metrics: Metrics.derive(from: result.totals), bytesDown: result.cohort.count * size,
                bytesUp: result.admitted.count * size))
        let now = ContinuousClock.now
        try timings.append(
            TimingsLine(
                round: result.round, seconds: Self.seconds(now - roundBegin), waiting: Self.seconds(waiting),
                folding: Self.seconds(folding)))
        (roundBegin, waiting, folding) = (now, .zero, .zero)
        progress(.round(result.round, of: specification.rounds))
        capture(result)
        if keepsState || Self.seconds(now - lastSave) >= options.checkpointSeconds { try save() }
    }

    private func report(_ line: MetricsLine) throws {
        try metrics.append(line)
        progress(.metrics(line))
    }
}
