import Datasets
import Foundation
public import Jobs
import Randomness
import Weights

/// The session of the model `echo`: weights of any size and updates of one number, without any numerics.
///
/// It measures what a federation costs beside training, and tests daemons. The number is not zero, so that every round
/// has weights of its own, which have to be sent. The `model` map has the key `size`: the bytes of
/// the one tensor `values` (F32), a multiple of 4, 4096 unless given. LibTorch is never called.
public final class EchoTrainer: TrainerSession {
    /// The value of `model.name`.
    public static let modelName = "echo"
    /// The largest `size`, 8 GiB.
    public static let maximumBytes = 8 << 30

    /// Every value of every update: a power of two, so that sums are exact.
    public static let step: Float = 0x1p-10

    /// The answer to `hello`; the schema is that of `values`.
    public let greeting: TrainerReply.Hello

    private let seed: UInt64
    private let schema: WeightsSchema
    private let auxiliary: AuxiliaryTensors
    /// With the tensors of a rule that has a history: what a trainer is told of a job does not name the rule.
    private let withHistory: AuxiliaryTensors
    private let counts: [String: Int]

    /// Makes a session.
    ///
    /// - Throws: `TrainingError` for a wrong `model` map, `DatasetError` for a broken site manifest.
    public init(_ hello: TrainerRequest.Hello) throws {
        let reader = try SettingsReader(hello.model, place: "model", code: .model, known: ["name", "size"])
        let size = try reader.int("size", 4096, in: 4...Self.maximumBytes)
        guard size.isMultiple(of: 4) else {
            throw TrainingError(.model, "model.size: found \(size), expected a multiple of 4, the bytes of a Float32")
        }
        seed = hello.seed
        schema = try WeightsSchema([TensorSpec(name: "values", dtype: .f32, shape: [size / 4])])
        do throws(JobsError) {
            let strategy = try hello.strategy.map(StrategySettings.init) ?? .fedavg
            auxiliary = AuxiliaryTensors(strategy)
            withHistory = AuxiliaryTensors(strategy, needsHistory: true)
        } catch {
            throw TrainingError(.config, error.message, cause: error.cause)
        }
        counts = try hello.data.map { try SiteManifest.load(folder: $0.path).counts } ?? [:]
        greeting = TrainerReply.Hello(
            trainer: TrainerSessions.trainerName, threads: hello.threads, libraries: [:], schema: schema.digest,
            datasets: counts)
    }

    /// Writes uniform numbers in [−1, 1) from the stream (seed, `"init"`).
    public func initialise(_ request: TrainerRequest.Initialise) throws {
        var stream = RandomStream(seed: seed, purpose: "init")
        var weights = Weights(zeros: schema)
        try weights.withMutableFloats("values") { stream.fillUniform($0, low: -1, high: 1) }
        try TrainerFiles.write(auxiliary.completing(weights), to: request.output)
    }

    /// Checks the weights' header and writes an update of ``step``s and of zeros for the strategy's tensors. Counts the site's training examples, or one.
    public func train(_ request: TrainerRequest.Train, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        try monitor.checkCancellation()
        try header(request.weights)
        var update = Weights(zeros: try auxiliary.updateSchema(model: schema))
        try update.withMutableFloats("values") { $0.update(repeating: Self.step) }
        try TrainerFiles.write(update, to: request.update)
        let examples = max(1, counts["train"] ?? 1)
        return TaskStatistics(examples: examples, sums: ["loss": 0])
    }

    /// Checks the weights' header and counts the site's examples of the split, or one.
    public func evaluate(_ request: TrainerRequest.Evaluate, _ monitor: TrainerMonitor) throws -> TaskStatistics {
        try monitor.checkCancellation()
        try header(request.weights)
        return TaskStatistics(examples: max(1, counts[request.split] ?? 1), sums: ["loss": 0])
    }

    private func header(_ path: String) throws {
        let expected = try auxiliary.globalSchema(model: schema)
        let other = try withHistory.globalSchema(model: schema)
        let found = try SafetensorsFile(
            path: path, limits: ReadLimits(dataBytes: other.byteCount, tensors: other.tensors.count)
        ).schema
        guard found == expected || found == other else {
            throw TrainingError(
                .weights,
                "\(path): not this model's weights: \(found.difference(from: expected).joined(separator: "; "))"
            )
        }
    }
}
