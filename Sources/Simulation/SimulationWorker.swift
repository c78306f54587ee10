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
        client: String, data: DatasetView, round: Int, global: Weights
    ) throws -> (update: Weights, statistics: TaskStatistics) {
        try entry.model.load(global)
        guard let number = UInt32(exactly: round) else {
            throw SimulationError(.job, "round \(round): expected a number from 0")
        }
        let statistics = try LocalTraining.run(
            entry, on: data, training,
            .init(seed: specification.seed, round: number, client: clientIndex(client)))
        return (try entry.model.weights().update(from: global), statistics)
    }

    /// Counts on held-out examples.
    func evaluate(_ data: DatasetView, weights: Weights) throws -> TaskStatistics {
        try entry.model.load(weights)
        return try Evaluation.run(entry, on: data, evaluation)
    }
}
