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

    /// A worker with one LibTorch thread of its own.
    init(_ specification: JobSpecification, manifest: SiteManifest) throws {
        try TorchRuntime.configure(threads: 1)
        self.specification = specification
        entry = try ModelRegistry.make(
            specification.model, manifest: manifest, Initializer(seed: specification.seed))
        training = try LocalTraining.Configuration(specification.training)
        evaluation = try Evaluation.Configuration(specification.evaluation.settings)
    }

    /// The initial weights that the job's trainer would write.
    func initialWeights() throws -> Weights {
        try entry.model.weights()
    }

    /// Trains one client from the global weights: its update and what it counted.
    func train(
        _ client: VirtualClient, of data: SimulationData, round: Int, global: Weights
    ) throws -> (update: Weights, statistics: TaskStatistics) {
        try entry.model.load(global)
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        let statistics = try LocalTraining.run(
            entry, on: examples(of: client, in: data), training,
            .init(seed: specification.seed, round: number, client: clientIndex(client.name)))
        return (try entry.model.weights().update(from: global), statistics)
    }

    /// What the client trains on, as its sensors and the job's corruption leave it.
    private func examples(of client: VirtualClient, in data: SimulationData) throws -> DatasetView {
        var view = DatasetView(data.train, indices: client.rows)
        if let traits = client.traits {
            view = try traits.applied(to: view, seed: data.traitSeed, client: client.position).all
        }
        return try corruption(client.name, position: client.position).training(view, modalities: entry.modalities)
    }

    private func corruption(_ client: String, position: Int) throws -> CorruptionSettings {
        var map = specification.corruption
        // In the benchmark's files the test and dev splits come before the clients.
        if map["mode"] == "faithful", map["index"] == nil { map["index"] = .int(position + 2) }
        return try CorruptionSettings(map, seed: specification.seed, clientIndex: clientIndex(client))
    }

    /// Counts on held-out examples, as the evaluator of a federation would.
    func evaluate(_ data: DatasetView, split: String, weights: Weights) throws -> TaskStatistics {
        try entry.model.load(weights)
        let view = try corruption(SimulationRun.evaluator, position: 0).evaluation(
            data, split: split, modalities: entry.modalities)
        return try Evaluation.run(entry, on: view, evaluation)
    }
}
