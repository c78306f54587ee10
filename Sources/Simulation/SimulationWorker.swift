internal import Datasets
internal import Federation
internal import Jobs
internal import Layers
internal import ModelZoo
internal import Privacy
internal import Tensors
internal import Training
internal import Weights

/// One worker's model, made once; every task loads its weights into it.
final class SimulationWorker {
    let entry: ModelRegistry.Entry
    let specification: JobSpecification
    let training: LocalTraining.Configuration
    let evaluation: Evaluation.Configuration
    let strategy: StrategySettings
    let states: ClientStates
    private let store: WeightsStore
    private let attack: AttackPlan?
    private let manifest: SiteManifest

    /// A worker with one LibTorch thread of its own.
    init(
        _ specification: JobSpecification, manifest: SiteManifest, states: ClientStates, store: WeightsStore,
        attack: AttackPlan? = nil
    ) throws {
        try TorchRuntime.configure(threads: 1)
        self.specification = specification
        entry = try ModelRegistry.make(
            specification.model, manifest: manifest, Initializer(seed: specification.seed))
        training = try LocalTraining.Configuration(specification.training)
        evaluation = try Evaluation.Configuration(specification.evaluation.settings)
        strategy = try StrategySettings(specification.strategy)
        try LocalAlgorithms.check(strategy.name, entry)
        self.states = states
        self.store = store
        self.attack = attack
        self.manifest = manifest
    }

    /// The initial weights that the job's trainer would write.
    func initialWeights() throws -> Weights {
        try specification.auxiliaryTensors.completing(entry.model.weights())
    }

    /// What came of a client's training, in the store from the start: workers may be ahead of the rounds' driver.
    struct Trained: Sendable {
        /// What the client sends: no more than the job's schema, as from a daemon.
        var update: KeptWeights
        /// Why it is not taken, if so: found here, while it is in memory.
        var refusal: AdmissionRefusal?
        /// What was counted.
        var statistics: TaskStatistics
        /// What the client keeps, by name; to be committed once the update is admitted.
        var state: [String: KeptWeights]
        /// How many elements were limited before they were masked.
        var saturated = 0
    }

    /// The same, whatever the worker's model holds by now.
    private func initialWeightsAgain() throws -> Weights {
        let fresh = try ModelRegistry.make(
            specification.model, manifest: manifest, Initializer(seed: specification.seed))
        return try AuxiliaryTensors(strategy).completing(fresh.model.weights())
    }

    /// Trains one client from the global weights; a hostile one does what the job's attack says.
    ///
    /// - Parameters:
    ///   - sent: the tensors that updates hold, and their form on the wire.
    ///   - privacy: of the job; with the local mechanism the client protects its update itself.
    ///   - masking: what hides the update from the coordinator; nil in a job without secure aggregation.
    func train(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights, sent: EncodedSchema,
        privacy: RoundPrivacy? = nil, masking: SecureAttempt.Masking? = nil
    ) throws -> Trained {
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        let conduct = attack?.conduct(of: client.name)
        let context = AttackContext(seed: specification.seed, round: number, client: clientIndex(client.name))
        if let rider = conduct?.freeRider, rider.behaviour != .stale {
            let statistics = TaskStatistics(examples: client.rows.count)
            return try trained(rider.update(sent.plain, context), statistics, state: [:], client, sent, round)
        }
        var examples = try examples(of: client, in: data)
        if let poison = conduct?.dataAttack { examples = try poison.poisoned(examples, context) }
        let record = try privacy.flatMap { privacy in
            try RecordPrivacy(specification.privacy) {
                privacy.secret.stream(purpose: "record " + client.name, round: round)
            }
        }
        let isStale = conduct?.freeRider != nil
        let result = try RoundTraining(entry: entry, strategy: strategy).run(
            on: examples, training,
            .init(seed: specification.seed, round: isStale ? 0 : number, client: context.client),
            global: isStale ? initialWeightsAgain() : global, state: states.state(of: client.name, round: round),
            privacy: record)
        var update = try result.update.filtered { sent.plain.index(of: $0.name) != nil }
        var statistics = result.statistics
        if let privacy, privacy.settings.mechanism == .local {
            update = try LocalNoise.protect(
                update, clipNorm: privacy.settings.clipNorm, noiseMultiplier: privacy.settings.noiseMultiplier,
                stream: privacy.secret.stream(purpose: "local " + client.name, round: round))
        }
        if let norm = masking?.clipNorm { update = try FlatClipping.clipped(update, to: norm) }
        // After the protection, which a hostile client would leave out.
        try conduct?.updateAttack?.change(&update, &statistics, context)
        if let masking {
            // The figures are checked; of the values nobody but the client knows.
            var refusal: AdmissionRefusal?
            do throws(AdmissionRefusal) {
                try AdmissionRules(specification).check(training: statistics)
            } catch {
                refusal = error
            }
            let noise = try privacy.flatMap { privacy in
                try privacy.distributed.map {
                    try DistributedNoise(
                        $0, secret: privacy.secret, purpose: "distributed " + client.name, round: round,
                        attempt: masking.task.attempt, update: update)
                }
            }
            // A client that changes its update keeps to no range either.
            let encoding = conduct?.updateAttack == nil ? masking.encoding : masking.encoding.unlimited
            let masked = try MaskedUpdate.masked(update, as: encoding, with: masking.masks, noise: noise)
            return Trained(
                update: try store.keep(masked.words), refusal: refusal, statistics: statistics,
                state: try result.state.mapValues(store.keep), saturated: masked.saturated)
        }
        return try trained(update, statistics, state: result.state, client, sent, round)
    }

    private func trained(
        _ update: Weights, _ statistics: TaskStatistics, state: [String: Weights], _ client: VirtualClient,
        _ sent: EncodedSchema, _ round: Int
    ) throws -> Trained {
        var outgoing = Outgoing(update: update, state: state, refusal: refusal(of: update, statistics))
        if !sent.isPlain, outgoing.refusal == nil {
            try outgoing.encode(
                as: sent, remembering: states.state(of: client.name, round: round), AdmissionRules(specification))
        }
        return Trained(
            update: try store.keep(outgoing.update), refusal: outgoing.refusal, statistics: statistics,
            state: try outgoing.state.mapValues(store.keep))
    }

    private func refusal(of update: Weights, _ statistics: TaskStatistics) -> AdmissionRefusal? {
        let rules = AdmissionRules(specification)
        do throws(AdmissionRefusal) {
            try rules.check(training: statistics)
            try rules.check(update, examples: statistics.examples)
            return nil
        } catch {
            return error
        }
    }

    /// Rows as a client's sensors record them.
    func recorded(_ rows: [Int], by client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        let view = DatasetView(data.train, indices: rows)
        guard let traits = client.traits else { return view }
        return try traits.applied(to: view, seed: data.traitSeed, client: client.position).all
    }

    /// What the client trains on, as its sensors and the job's corruption leave it.
    func examples(of client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        let view = try recorded(client.rows, by: client, in: data)
        let map = try CorruptionMap(specification.corruption, seed: specification.seed)
        let corruption = CorruptionSettings(
            map,
            client: map.number(
                of: client.name, position: client.place, firstIndex: data.firstCorruptionIndex))
        return try corruption.training(view, modalities: entry.modalities)
    }

    /// Scores a part of the held-out examples, as the evaluator of a federation would.
    ///
    /// - Parameter range: the part of what the job's corruption leaves of them.
    func scores(
        _ data: DatasetView, _ range: Range<Int>, split: String, weights: Weights
    ) throws -> Evaluation.Scores {
        let corruption = try CorruptionSettings(
            specification.corruption, seed: specification.seed, clientIndex: clientIndex(SimulationRun.evaluator))
        let view = try corruption.evaluation(data, split: split, modalities: entry.modalities)
        let part = range.clamped(to: 0..<view.count)
        return try RoundTraining(entry: entry, strategy: strategy).scores(
            on: view.selecting(part), first: part.lowerBound, evaluation, global: weights)
    }
}
