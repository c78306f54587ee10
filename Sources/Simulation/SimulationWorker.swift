internal import Datasets
internal import Jobs
internal import Layers
internal import ModelZoo
internal import Tensors
internal import Training
internal import Weights

/// One worker's model, made once; every task loads its weights into it.
final class SimulationWorker {
    private let entry: ModelRegistry.Entry
    private let specification: JobSpecification
    private let training: LocalTraining.Configuration
    private let evaluation: Evaluation.Configuration
    private let strategy: StrategySettings
    private let states: ClientStates
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
        /// Whether all of its values are finite.
        var isFinite: Bool
        /// What was counted.
        var statistics: TaskStatistics
        /// What the client keeps, by name; to be committed once the update is admitted.
        var state: [String: KeptWeights]
    }

    /// Trains one client from the global weights.
    ///
    /// - Parameter sent: the tensors that updates hold.
    func train(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights, sent: WeightsSchema
    ) throws -> Trained {
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        let result = try RoundTraining(entry: entry, strategy: strategy).run(
            on: examples(of: client, in: data), training,
            .init(seed: specification.seed, round: number, client: clientIndex(client.name)), global: global,
            state: states.state(of: client.name, round: round))
        let update = try result.update.filtered { sent.index(of: $0.name) != nil }
        return Trained(
            update: try store.keep(update), isFinite: update.allFinite, statistics: result.statistics,
            state: try result.state.mapValues(store.keep))
    }

    /// What the client trains on, as its sensors and the job's corruption leave it.
    private func examples(of client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        var view = DatasetView(data.train, indices: client.rows)
        if let traits = client.traits {
            view = try traits.applied(to: view, seed: data.traitSeed, client: client.position).all
        }
        var map = specification.corruption
        // In the benchmark's files the test and dev splits come before the clients.
        if map["mode"] == "faithful" { map["index"] = .int(client.position + 2) }
        let corruption = try CorruptionSettings(
            map, seed: specification.seed, clientIndex: clientIndex(client.name))
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
