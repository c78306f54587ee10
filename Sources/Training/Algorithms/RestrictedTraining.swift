import Datasets
import Jobs
import Layers
public import ModelZoo
public import Tensors

/// FedRS: the scores of classes that the client has no example of are multiplied by α in training.
///
/// X.-C. Li, D.-C. Zhan, "FedRS: federated learning with restricted softmax for label distribution non-IID data", KDD
/// 2021. With `faithful`, as in the FedMultimodal benchmark, the bias of the last layer is left out in training (it
/// keeps its value, and counts in evaluations); otherwise the whole score is multiplied.
public final class RestrictedTraining: LocalAlgorithm {
    private let alpha: Double
    private let isFaithful: Bool
    private var scale: Tensor?
    private var weight: Tensor?

    /// An algorithm with the factor α.
    public init(alpha: Double, faithful: Bool) {
        self.alpha = alpha
        isFaithful = faithful
    }

    /// Looks which classes there are.
    ///
    /// - Throws: `TrainingError` with code `config` where an example may have several classes: its loss has no softmax
    ///   to restrict.
    public func begin(_ task: LocalTask) throws {
        try LocalAlgorithms.check(.fedrs, task.entry)
        // The benchmark looks at the labels before its label noise; a client can only know its own.
        let present = Set(isFaithful ? task.data.cleanLabels : task.data.labels)
        let factors = (0..<task.entry.model.classCount).map { present.contains($0) ? Float(1) : Float(alpha) }
        scale = try Tensor(factors, shape: [1, factors.count])
        weight = task.entry.model.lastLayer.weight
    }

    /// Cross entropy of the restricted scores.
    public func loss(_ output: ModelOutput, _ batch: LocalBatch) throws -> Tensor {
        guard let scale, let weight else { return try batch.loss(output.logits) }
        let scores = isFaithful ? try output.hidden.linear(weight: weight) : output.logits
        return try batch.loss(scores * scale)
    }
}
