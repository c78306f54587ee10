internal import Durability
internal import Foundation
internal import Jobs
internal import Weights

/// A model of one tensor of zeros and an update of it, as files: what the model `echo` would make, for clients inside this
/// process and for submissions.
final class EchoModel: Sendable {
    /// A file in canonical form.
    struct File: Sendable {
        var path: String
        var digest: String
        var bytes: Int
    }

    /// The size of the tensor.
    let valueBytes: Int
    /// The initial weights.
    let weights: File
    /// An update whose values are not zero, so that every round has new weights.
    let update: File
    /// ``update``, open for reading.
    let updateFile: any OpenFile

    /// Writes the files of a model of `bytes`, a multiple of 4, into a folder.
    init(bytes: Int, folder: String) throws {
        valueBytes = bytes
        let schema = try WeightsSchema([try TensorSpec(name: "values", dtype: .f32, shape: [bytes / 4])])
        weights = try Self.write(Weights(zeros: schema), to: "\(folder)/weights-\(bytes).safetensors")
        var change = Weights(zeros: try schema.updateSchema())
        try change.withMutableFloats("values") { $0.update(repeating: 0x1p-10) }
        update = try Self.write(change, to: "\(folder)/update-\(bytes).safetensors")
        updateFile = try PosixFileSystem().open(update.path, .read)
    }

    deinit { updateFile.close() }

    private static func write(_ weights: Weights, to path: String) throws -> File {
        try Safetensors.write(weights, to: path)
        return File(path: path, digest: weights.digest(), bytes: Safetensors.canonicalSize(weights.schema))
    }

    /// A job of this model.
    ///
    /// - Parameters:
    ///   - rounds: how many.
    ///   - clients: how many are asked in each round.
    ///   - needed: how many updates end a round; nil for those of all.
    ///   - evaluates: whether every round is evaluated.
    func job(
        rounds: Int, clients: Int, needed: Int? = nil, evaluates: Bool = false, deadline: Double = 3600
    ) -> JobSpecification {
        JobSpecification(
            name: "load", model: ["name": .string("echo"), "size": .int(valueBytes)], data: LoadFederation.dataset,
            rounds: rounds,
            clients: .init(
                minimum: clients, perRound: clients, minimumUpdates: needed ?? clients, targetUpdates: needed),
            deadline: deadline, evaluation: .init(every: evaluates ? 1 : 0), selectBy: MetricSelector("-loss"))
    }
}
