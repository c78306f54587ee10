internal import Datasets
internal import Jobs
internal import Layers
internal import ModelZoo
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
    /// The folder of the clients' states.
    let state: String

    /// A worker with one LibTorch thread of its own.
    init(_ specification: JobSpecification, manifest: SiteManifest, state: String) throws {
        try TorchRuntime.configure(threads: 1)
        self.specification = specification
        entry = try ModelRegistry.make(
            specification.model, manifest: manifest, Initializer(seed: specification.seed))
        training = try LocalTraining.Configuration(specification.training)
        evaluation = try Evaluation.Configuration(specification.evaluation.settings)
        strategy = try StrategySettings(specification.strategy)
        try LocalAlgorithms.check(strategy.name, entry)
        self.state = state
    }

    /// The initial weights that the job's trainer would write.
    func initialWeights() throws -> Weights {
        try AuxiliaryTensors(strategy).completing(entry.model.weights())
    }

    /// Trains one client from the global weights. What the client keeps is for the caller to save.
    func train(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights
    ) throws -> RoundTraining.Result {
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        return try RoundTraining(entry: entry, strategy: strategy).run(
            on: examples(of: client, in: data), training,
            .init(seed: specification.seed, round: number, client: clientIndex(client.name)), global: global,
            state: FolderClientState(folder: "\(state)/\(client.name)", round: round))
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
        var map = specification.corruption
        if map["mode"] == "faithful" { map["index"] = .int(client.position + data.firstCorruptionIndex) }
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
