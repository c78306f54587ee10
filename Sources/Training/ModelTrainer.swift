import Datasets
public import Jobs
import Layers
import ModelZoo
import Tensors
import Weights

/// The session of a model of the zoo: local training and evaluation on the data of one site.
///
/// Data are read when first needed and kept for the job. Between requests nothing else is kept in memory: every round
/// starts from the weights it is given, with a fresh optimiser, and from what the strategy has the client remember in the
/// `state` folder (``FolderClientState``).
public final class ModelTrainer: TrainerSession {
    /// The answer to `hello`.
    public let greeting: TrainerReply.Hello

    private let hello: TrainerRequest.Hello
    private let entry: ModelRegistry.Entry
    private let strategy: StrategySettings
    private let auxiliary: AuxiliaryTensors
    /// The global weights' tensors: the model's and the strategy's.
    private let globalSchema: WeightsSchema
    /// With the tensors of a rule that has a history: what a trainer is told of a job does not name the rule.
    private let schemaWithHistory: WeightsSchema
    private let folder: SiteFolder?
    private let corruption: CorruptionSettings
    private var loaded: [String: MultimodalDataset] = [:]
    private var threads: Int

    /// Sets LibTorch up and makes the model with its initial values, drawn from the job's seed.
    ///
    /// - Parameter log: takes one line about the numerics, and a warning where there is one.
    /// - Throws: `TrainingError`, `DatasetError` or `TensorError`.
    public init(_ hello: TrainerRequest.Hello, log: (String) -> Void = { _ in }) throws {
        self.hello = hello
        corruption = try CorruptionSettings(
            hello.corruption ?? [:], seed: hello.seed, clientIndex: hello.clientIndex)
        let runtime = try TorchRuntime.configure(threads: hello.threads)
        log(runtime.logLine)
        if let warning = runtime.warning { log("warning: \(warning)") }
        threads = hello.threads
        folder = try hello.data.map { try SiteFolder(path: $0.path) }
        if let data = hello.data, let folder, folder.manifest.dataset != data.name {
            throw TrainingError(
                .data, "\(folder.path): holds data set '\(folder.manifest.dataset)', the job asks for '\(data.name)'")
        }
        entry = try ModelRegistry.make(
            hello.model, manifest: folder?.manifest, Initializer(seed: hello.seed))
        let schema = try entry.model.schema()
        do {
            strategy = try hello.strategy.map(StrategySettings.init) ?? .fedavg
            try LocalAlgorithms.check(strategy.name, entry)
            auxiliary = AuxiliaryTensors(strategy)
            globalSchema = try auxiliary.globalSchema(model: schema)
            try auxiliary.check(globalSchema)
            schemaWithHistory = try AuxiliaryTensors(strategy, needsHistory: true).globalSchema(model: schema)
        } catch let error as JobsError {
            throw TrainingError(.config, error.message, cause: error.cause)
        }
        greeting = TrainerReply.Hello(
            trainer: TrainerSessions.trainerName,
            threads: runtime.threads,
            libraries: [
                "LibTorch": runtime.version, "BLAS": runtime.blas, "CPU": runtime.cpuCapability,
                "kernels": runtime.kernels,
            ],
            schema: schema.digest,
            datasets: folder?.manifest.counts ?? [:])
    }

    /// Writes the initial values, and zeros for the strategy's tensors.
    ///
    /// They are those of the first moment only: after training the model holds others, so a new one is made.
    public func initialise(_ request: TrainerRequest.Initialise) throws {
        let fresh = try ModelRegistry.make(
            hello.model, manifest: folder?.manifest, Initializer(seed: hello.seed))
        try TrainerFiles.write(auxiliary.completing(fresh.model.weights()), to: request.output)
    }

    /// Trains from the given weights and writes local minus global.
    public func train(_ request: TrainerRequest.Train, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        let configuration = try LocalTraining.Configuration(request.config)
        try use(threads: configuration.threads)
        let data = try corruption.training(data(split: "train", monitor).all, modalities: entry.modalities)
        let global = try TrainerFiles.read(request.weights, schema: globalSchema, or: schemaWithHistory)
        guard let round = UInt32(exactly: request.round) else {
            throw TrainingError(.message, "round \(request.round): expected a number from 0")
        }
        let state = FolderClientState(folder: request.state, round: request.round)
        let result = try RoundTraining(entry: entry, strategy: strategy).run(
            on: data, configuration, .init(seed: hello.seed, round: round, client: hello.clientIndex), global: global,
            state: state
        ) { fraction, loss in
            try monitor.update(fraction: fraction, metrics: ["loss": loss])
        }
        try monitor.checkCancellation()
        // Before the update: where there is one, there is its state.
        for (name, weights) in result.state.sorted(by: { $0.key < $1.key }) { try state.save(name, weights) }
        try TrainerFiles.write(result.update, to: request.update)
        return result.statistics
    }

    /// Counts on one split; with the client's own tensors or model where the strategy has such and the request names the
    /// state.
    public func evaluate(_ request: TrainerRequest.Evaluate, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        let configuration = try Evaluation.Configuration(request.config)
        try use(threads: configuration.threads)
        let data = try corruption.evaluation(
            data(split: request.split, monitor).all, split: request.split, modalities: entry.modalities)
        let global = try TrainerFiles.read(request.weights, schema: globalSchema, or: schemaWithHistory)
        // What was saved in this round counts: these are the weights after it.
        guard let round = UInt32(exactly: request.round) else {
            throw TrainingError(.message, "round \(request.round): expected a number from 0")
        }
        let state = request.state.map { FolderClientState(folder: $0, round: Int(round) + 1) }
        return try RoundTraining(entry: entry, strategy: strategy).evaluate(
            on: data, configuration, global: global, state: state
        ) { fraction, loss in
            try monitor.update(fraction: fraction, metrics: ["loss": loss])
        }
    }

    /// The job may ask for fewer threads than the site gives, never for more.
    private func use(threads wanted: Int?) throws {
        let next = min(wanted ?? hello.threads, hello.threads)
        guard next != threads else { return }
        try TorchRuntime.configure(threads: next)
        threads = next
    }

    private func data(split: String, _ monitor: TrainerMonitor) throws -> MultimodalDataset {
        if let data = loaded[split] { return data }
        guard let folder else {
            throw TrainingError(.data, "there is no data: hello named no site folder")
        }
        try monitor.update(fraction: 0)
        let data = try folder.read(split: split)
        try monitor.checkCancellation()
        loaded[split] = data
        return data
    }
}
