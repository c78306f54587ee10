import Datasets
import Layers
public import ModelZoo
public import Tensors
import Weights

/// MOON: beside the classification loss, the representation z of an example is drawn to the global model's and pushed
/// away from the client's previous local model's:
/// μ · −log( exp(cos(z, z_glob)/τ) / (exp(cos(z, z_glob)/τ) + exp(cos(z, z_prev)/τ)) ).
///
/// Q. Li, B. He, D. Song, "Model-contrastive federated learning", CVPR 2021. z is the model's fused embedding; there is
/// no projection head. The two other models run without dropout, once over the data before training begins, so the cost
/// is two passes forward and two vectors an example, and no second model is held. In a client's first round the previous
/// model is the global one, where the term has no gradient: it is left out.
///
/// The local model is kept in the state `previous`.
public final class ContrastiveTraining: LocalAlgorithm {
    private static let batchSize = 256

    private let mu: Double
    private let temperature: Double
    /// Unit vectors of all examples, `[N, E]`, of the global and the previous model.
    private var references: (global: Tensor, previous: Tensor)?

    /// An algorithm with the weight μ and the temperature τ of the term.
    public init(mu: Double, temperature: Double) {
        self.mu = mu
        self.temperature = temperature
    }

    /// Runs both models over the data.
    public func begin(_ task: LocalTask) throws {
        guard mu > 0, let previous = try task.state.load("previous", schema: task.global.schema) else { return }
        let global = try embeddings(task)
        try task.entry.model.load(previous)
        let other = try embeddings(task)
        try task.entry.model.load(task.global)
        references = (global, other)
    }

    /// Cross entropy plus the contrastive term, which is itself the cross entropy of two similarities.
    public func loss(_ output: ModelOutput, _ batch: LocalBatch) throws -> Tensor {
        let plain = try batch.loss(output.logits)
        guard let references else { return plain }
        let rows = try Tensor(Array(batch.positions), shape: [batch.positions.count])
        let own = try Self.normalised(output.embedding)
        let similarities = try [references.global, references.previous].map { reference in
            try (own * reference.indexSelect(axis: 0, rows)).sum(axis: 1)
        }
        let scores = try Tensor.stack(similarities, axis: 1) / temperature
        let nearer = try Tensor(Array(repeating: 0, count: batch.positions.count), shape: [batch.positions.count])
        return try plain + scores.crossEntropy(nearer) * mu
    }

    /// The local model for the state.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        .init(state: ["previous": try task.entry.model.weights()])
    }

    private func embeddings(_ task: LocalTask) throws -> Tensor {
        let context = ForwardContext.evaluation()
        return try noGrad {
            var parts: [Tensor] = []
            for start in stride(from: 0, to: task.data.count, by: Self.batchSize) {
                let rows = task.data.selecting(start..<min(start + Self.batchSize, task.data.count))
                let batch = try ModelBatch(rows, modalities: task.entry.modalities)
                parts.append(try Self.normalised(task.entry.model.output(batch, context).embedding))
            }
            return try Tensor.concatenate(parts, axis: 0)
        }
    }

    /// z / ‖z‖, with a gradient at 0 too.
    private static func normalised(_ embedding: Tensor) throws -> Tensor {
        let norm = try (embedding.square().sum(axis: 1, keepAxis: true) + 1e-12).squareRoot()
        return try embedding / norm
    }
}
