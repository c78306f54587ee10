import Datasets
public import Jobs
import Layers
import ModelZoo
import Tensors
import Weights

/// The session of a model of the zoo: local training and evaluation on the data of one site.
///
/// Data are read when first needed and kept for the job. Between requests nothing else is kept: every round starts from
/// the weights it is given, with a fresh optimiser.
public final class ModelTrainer: TrainerSession {
    /// The answer to `hello`.
    public let greeting: TrainerReply.Hello

    private let hello: TrainerRequest.Hello
    private let entry: ModelRegistry.Entry
    private let schema: WeightsSchema
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
        schema = try entry.model.schema()
        greeting = TrainerReply.Hello(
            trainer: TrainerSessions.trainerName,
            threads: runtime.threads,
            libraries: ["LibTorch": runtime.version, "BLAS": runtime.blas, "CPU": runtime.cpuCapability],
            schema: schema.digest,
            datasets: folder?.manifest.counts ?? [:])
    }

    /// Writes the initial values.
    ///
    /// They are those of the first moment only: after training the model holds others, so a new one is made.
    public func initialise(_ request: TrainerRequest.Initialise) throws {
        let fresh = try ModelRegistry.make(
            hello.model, manifest: folder?.manifest, Initializer(seed: hello.seed))
        try TrainerFiles.write(fresh.model.weights(), to: request.output)
    }

    /// Trains from the given weights and writes local minus global.
    public func train(_ request: TrainerRequest.Train, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        let configuration = try LocalTraining.Configuration(request.config)
        try use(threads: configuration.threads)
        let data = try corruption.training(data(split: "train", monitor).all, modalities: entry.modalities)
        let global = try TrainerFiles.read(request.weights, schema: schema)
        try entry.model.load(global)
        guard let round = UInt32(exactly: request.round) else {
            throw TrainingError(.message, "round \(request.round): expected a number from 0")
        }
        let statistics = try LocalTraining.run(
            entry, on: data, configuration,
            .init(seed: hello.seed, round: round, client: hello.clientIndex)
        ) { fraction, loss in
            try monitor.update(fraction: fraction, metrics: ["loss": loss])
        }
        let update = try entry.model.weights().update(from: global)
        guard update.allFinite else {
            throw TrainingError(
                .diverged, "the update holds numbers that are not finite: a smaller learning rate may help")
        }
        try monitor.checkCancellation()
        try TrainerFiles.write(update, to: request.update)
        return statistics
    }

    /// Counts on one split.
    public func evaluate(_ request: TrainerRequest.Evaluate, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        let configuration = try Evaluation.Configuration(request.config)
        try use(threads: configuration.threads)
        let data = try corruption.evaluation(
            data(split: request.split, monitor).all, split: request.split, modalities: entry.modalities)
        try entry.model.load(TrainerFiles.read(request.weights, schema: schema))
        return try Evaluation.run(entry, on: data, configuration) { fraction, loss in
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
