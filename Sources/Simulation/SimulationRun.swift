internal import Aggregation
internal import Datasets
internal import Durability
internal import Federation
internal import Foundation
public import Jobs
internal import Tensors
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
        /// 256 MiB.
        public static let defaultMemoryBytes = 256 << 20

        /// The folder for `metrics.jsonl`, `timings.jsonl` and the checkpoints.
        public var output: String
        /// How many clients train at once.
        public var workers: Int
        /// Whether to go on from the checkpoint in `output`; otherwise the folder must not hold one.
        public var resumes: Bool
        /// Seconds between checkpoints; 0 makes one after every round.
        public var checkpointSeconds: Double
        /// How many bytes of updates and client states may wait in memory; the others wait in a file in `output`.
        public var memoryBytes: Int
        /// Which contribution scores are computed, if any.
        public var contributions: ContributionSettings?

        /// Options with their defaults.
        public init(
            output: String, workers: Int, resumes: Bool = false, checkpointSeconds: Double = 10,
            memoryBytes: Int = Options.defaultMemoryBytes, contributions: ContributionSettings? = nil
        ) {
            self.output = output
            self.workers = workers
            self.resumes = resumes
            self.checkpointSeconds = checkpointSeconds
            self.memoryBytes = memoryBytes
            self.contributions = contributions
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
        /// How many rounds are complete.
        public var completedRounds: Int
        /// ε of these rounds; nil in a job without privacy.
        public var epsilon: Double?
    }

    /// What is reported while a run goes on.
    public enum Progress: Sendable {
        /// A line of metrics.
        case metrics(MetricsLine)
        /// A round is complete.
        case round(Int, of: Int)
    }

    /// The evaluation of a split under way, in parts that the workers share.
    struct Report {
        var split: String
        var parts: [WorkerPool<SimulationWorker>.Pending<Evaluation.Scores>]

        /// For a backdoor's split its target: what is counted is how often that is the answer.
        var target: Int?

        /// Waits for all parts.
        func statistics() throws -> TaskStatistics {
            let counted = Evaluation.statistics(of: try parts.map { try $0.value() })
            return target.map { Backdoor.success(in: counted, target: $0) } ?? counted
        }
    }

    enum Pending {
        case update(WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained>)
        case reports([Report])
    }

    struct Offered {
        var task: RoundTask
        var client: String
        var result: Pending
    }

    /// The virtual client that holds the held-out splits, named as `tributary partition` names its folder.
    public static let evaluator = "evaluator"

    let specification: JobSpecification
    let data: SimulationData
    let options: Options
    let strategy: any AggregationStrategy
    let rules: TensorRules
    let encoded: EncodedSchema
    let foldSchema: WeightsSchema
    let globalBytes: Int
    /// Examples of a forward pass of an evaluation.
    let evaluationBatch: Int
    /// The place in `data.clients` of each client.
    let clients: [String: Int]
    let folder: CheckpointFolder
    let lock: InstanceLock
    let fingerprint: String
    /// The mark of the data's values.
    let dataMark: String
    let pool: WorkerPool<SimulationWorker>
    let metrics: MetricsLog
    let timings: MetricsLog
    /// Updates and client states that wait.
    let store: WeightsStore
    let states: ClientStates
    /// Who is hostile, if anybody.
    let attack: AttackPlan?
    /// How single updates are hidden, if at all.
    let secureSettings: SecureAggregationSettings?
    let stop: @Sendable () -> Bool
    let progress: (Progress) -> Void

    var engine: RoundEngine
    var weights: [String: Weights]
    var offered: [Offered] = []
    var updates: [String: KeptWeights] = [:]
    /// The exchange of the open attempt, in a job with secure aggregation.
    var secure: SecureAttempt?
    /// Why attempts of the open round failed, in a job with secure aggregation.
    var aborts: [String] = []
    var openEvaluations: [Int: EvaluationRecord] = [:]
    /// Simulated time; nil for a job without a clock, in which nothing takes any.
    var time: SimulatedTime?
    /// What the clock will tell the engine, first to last.
    var scheduled: [Scheduled] = []
    /// Who trains, in an asynchronous job, and whose updates wait.
    var inHand: [String: RoundTask] = [:]
    /// How the job goes on without rounds; nil for rounds.
    let asynchronous: AsynchronousSettings?
    /// What the colluders of the open round send, once the first of them has answered.
    var collusion: SharedUpdate?
    /// Held-out examples with a backdoor's trigger, once they are needed.
    var triggered: DatasetView?
    var declined: Set<String>
    let initialDigest: String
    var best: SimulationCheckpoint.Best?
    /// The state after the last completed round, on disk or not yet.
    var latest: SimulationCheckpoint?
    /// Weights by the round whose evaluation is under way.
    var evaluated: [Int: String] = [:]
    let secondsBefore: Double
    var begin = ContinuousClock.now
    var roundBegin = ContinuousClock.now
    var lastSave = ContinuousClock.now
    var waiting = Duration.zero
    var folding = Duration.zero

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
        // Nil for a wrong map, which `validated` refuses with all that is wrong.
        let settings = try? StrategySettings(specification.strategy)
        if let settings, settings.needsPopulation, specification.population == nil {
            specification.strategy["clients"] = .int(data.clients.count)
        }
        specification = try specification.validated()
        // What comes after the rounds is this run's options; its engine has none of it.
        (specification.crossSite, specification.contributions) = (nil, nil)
        let data = try data.holdingOut(specification.evaluation.perClientHoldOut)
        if specification.evaluation.every > 0, (data.heldOut[specification.evaluation.split]?.count ?? 0) == 0 {
            throw SimulationError(
                .job,
                "evaluation.split: found \"\(specification.evaluation.split)\", expected one of "
                    + "\(data.heldOut.keys.sorted().joined(separator: ", ")), or evaluation.every: 0")
        }
        try Self.check(options.contributions, specification, data)
        let asynchronous = try specification.asynchronous.map { try AsynchronousSettings($0) }
        self.asynchronous = asynchronous
        let quorum = max(
            specification.clients.minimum, specification.clients.minimumUpdates, asynchronous?.buffer ?? 0)
        guard data.clients.count >= quorum else {
            throw SimulationError(
                .job,
                "clients.minimum and clients.minimumUpdates: the partition has \(data.clients.count) clients, expected at "
                    + "least \(quorum)")
        }
        guard !data.clients.contains(where: { $0.name == Self.evaluator }) else {
            throw SimulationError(.data, "a client of the partition has the name \(Self.evaluator)")
        }
        try Self.checkAsynchronous(specification)
        let clock = try Self.clockSettings(of: specification)
        // A wrong map is found here and not in every task.
        _ = try CorruptionSettings(specification.corruption, seed: specification.seed, clientIndex: 0)
        let attack = try AttackPlan(specification, data)
        self.attack = attack
        secureSettings = try SecureAggregationSettings.reading(specification.secureAggregation)
        evaluationBatch = try Evaluation.Configuration(specification.evaluation.settings).batchSize
        self.specification = specification
        try TorchRuntime.configure(threads: 1)
        self.data = data
        self.options = options
        self.stop = stop
        self.progress = progress
        clients = Dictionary(uniqueKeysWithValues: data.clients.enumerated().map { ($1.name, $0) })
        let manifest = SiteManifest(
            dataset: data.train.name, classes: data.train.classes, isMultilabel: data.train.isMultilabel,
            modalities: data.train.modalities, splits: [:])
        let store = WeightsStore(path: options.output + "/waiting", budget: options.memoryBytes)
        let states = ClientStates(folder: options.output + "/state")
        self.store = store
        self.states = states
        let pool = WorkerPool(count: max(1, min(options.workers, data.clients.count))) { [specification] in
            try SimulationWorker(specification, manifest: manifest, states: states, store: store, attack: attack)
        }
        self.pool = pool
        do {
            lock = try InstanceLock(path: options.output + "/lock")
            folder = try CheckpointFolder(options.output + "/checkpoint")
            fingerprint = try Self.fingerprint(specification, data)
            dataMark = DataFingerprint.data(
                [(name: "train", data: data.train)]
                    + data.heldOut.sorted { $0.key < $1.key }.map { (name: $0.key, data: $0.value.dataset) })
            let saved = try folder.load()
            let initial = try pool.submit { try $0.initialWeights() }.value()
            encoded = try specification.encodedSchema(for: specification.updateSchema(for: initial.schema))
            try specification.checkProjections(elements: Self.privateParameters(encoded.plain))
            strategy = try specification.aggregationStrategy()
            rules = try specification.tensorRules(for: initial.schema)
            foldSchema = try initial.schema.updateSchema()
            globalBytes = Safetensors.canonicalSize(initial.schema)
            initialDigest = initial.digest()
            let checkpoint = try Self.check(saved?.checkpoint, fingerprint, dataMark, options)
            metrics = try MetricsLog(
                path: options.output + "/metrics.jsonl", keeping: checkpoint?.metricsBytes ?? 0)
            timings = try MetricsLog(
                path: options.output + "/timings.jsonl", keeping: checkpoint?.timingsBytes ?? 0)
            let privacy = try Self.privacy(
                specification, checkpoint, parameters: Self.privateParameters(encoded.plain), output: options.output)
            time = try Self.simulatedTime(
                clock, specification, data, down: globalBytes, up: encoded.fileBytes,
                now: checkpoint?.simulatedMilliseconds)
            weights = saved.map(\.weights).flatMap { checkpoint == nil ? nil : $0 } ?? [:]
            if checkpoint == nil {
                weights[initialDigest] = initial
                // Left by a run that had no checkpoint yet.
                for path in [options.output + "/state", Self.contributionFolder(options.output)]
                where FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            }
            best = checkpoint?.best
            secondsBefore = checkpoint?.seconds ?? 0
            latest = checkpoint
            states.checkpointed(nextRound: checkpoint?.completedRounds ?? 0)
            declined = Set(checkpoint?.declined ?? [])
            engine = RoundEngine(
                resuming: Self.snapshot(specification, checkpoint, initialDigest),
                policy: RoundPolicy(settleMilliseconds: 0), privacy: privacy)
        } catch {
            pool.shutDown()
            throw error
        }
        for evaluation in latest?.evaluations ?? [] { openEvaluations[evaluation.round] = evaluation.record }
    }

    deinit {
        pool.shutDown()
        lock.release()
    }

    // MARK: Running

    /// Runs until the job is over or `stop` says so.
    ///
    /// - Throws: ``SimulationError`` `failed` when the job fails or nothing can happen any more.
    public func run() throws -> Outcome {
        begin = .now
        roundBegin = .now
        takeUpTasks()
        if time == nil {
            // One table for all clients of a size: there may be hundreds of thousands of clients.
            var examples: [Int: [String: Int]] = [:]
            for client in data.clients {
                let own = examples[client.rows.count] ?? ["train": client.rows.count]
                examples[client.rows.count] = own
                try handle(.clientReady(client: client.name, examples: own, holding: []))
            }
        } else {
            for event in availabilityChanges() { try handle(event) }
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
            do {
                guard try step() else {
                    throw SimulationError(.failed, "nothing can happen any more: \(engine.summary)")
                }
            } catch is RunInterruption {
                try save()
                return try outcome(isComplete: false)
            }
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
            seconds: elapsed, completedRounds: latest?.completedRounds ?? 0, epsilon: try engine.privacy?.epsilon())
    }

    var elapsed: Double { secondsBefore + (ContinuousClock.now - begin) / .seconds(1) }
}
