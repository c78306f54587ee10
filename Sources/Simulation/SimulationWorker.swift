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
    private let specification: JobSpecification
    private let training: LocalTraining.Configuration
    let evaluation: Evaluation.Configuration
    let strategy: StrategySettings
    let states: ClientStates
    private let store: WeightsStore

    /// A worker with one LibTorch thread of its own.
    init(
        _ specification: JobSpecification, manifest: SiteManifest, states: ClientStates, store: WeightsStore
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
    }

    /// The initial weights that the job's trainer would write.
    func initialWeights() throws -> Weights {
        try AuxiliaryTensors(strategy).completing(entry.model.weights())
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
    }

    /// Trains one client from the global weights.
    ///
    /// - Parameters:
    ///   - sent: the tensors that updates hold.
    ///   - privacy: of the job; with the local mechanism the client protects its update itself.
    func train(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights, sent: WeightsSchema,
        privacy: RoundPrivacy? = nil
    ) throws -> Trained {
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        let result = try RoundTraining(entry: entry, strategy: strategy).run(
            on: examples(of: client, in: data), training,
            .init(seed: specification.seed, round: number, client: clientIndex(client.name)), global: global,
            state: states.state(of: client.name, round: round))
        var update = try result.update.filtered { sent.index(of: $0.name) != nil }
        if let privacy, privacy.settings.mechanism == .local {
            update = try LocalNoise.protect(
                update, clipNorm: privacy.settings.clipNorm, noiseMultiplier: privacy.settings.noiseMultiplier,
                stream: privacy.secret.stream(purpose: "local " + client.name, round: round))
        }
        return Trained(
            update: try store.keep(update), refusal: refusal(of: update, result.statistics),
            statistics: result.statistics, state: try result.state.mapValues(store.keep))
    }

    private func refusal(of update: Weights, _ statistics: TaskStatistics) -> AdmissionRefusal? {
        let rules = AdmissionRules(specification)
        do throws(AdmissionRefusal) {
            try rules.check(training: statistics)
            try rules.check(update)
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
    private func examples(of client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        let view = try recorded(client.rows, by: client, in: data)
        let map = try CorruptionMap(specification.corruption, seed: specification.seed)
        let corruption = CorruptionSettings(
            map,
            client: map.number(
                of: client.name, position: client.position, firstIndex: data.firstCorruptionIndex))
        return try corruption.training(view, modalities: entry.modalities)
    }

    /// Counts on held-out examples, as the evaluator of a federation would.
    func evaluate(_ data: DatasetView, split: String, weights: Weights) throws -> TaskStatistics {
        let corruption = try CorruptionSettings(
            specification.corruption, seed: specification.seed, clientIndex: clientIndex(SimulationRun.evaluator))
        let view = try corruption.evaluation(data, split: split, modalities: entry.modalities)
        return try RoundTraining(entry: entry, strategy: strategy).evaluate(
            on: view, evaluation, global: weights, state: nil)
    }
}
