import Layers
public import ModelZoo
public import Tensors
import Weights

extension ModelRegistry.Entry {
    /// The loss of scores against a batch's labels.
    ///
    /// Cross-entropy over classes `[B]`; for several labels binary cross-entropy, averaged over the classes of an example,
    /// over targets `[B, K]` or over classes `[B]`, then one for each example.
    ///
    /// - Parameters:
    ///   - logits: `[B, K]`.
    ///   - reduction: over the examples.
    /// - Throws: `TensorError` when the batch has no labels or they do not fit.
    public func loss(
        _ logits: Tensor,
        _ batch: ModelBatch,
        reduction: Tensor.Reduction = .mean
    ) throws(TensorError) -> Tensor {
        guard let labels = batch.labels else {
            throw TensorError(.invalidArgument, "loss: the batch has no labels")
        }
        guard isMultilabel else { return try logits.crossEntropy(labels, reduction: reduction) }
        let dtype = logits.dtype ?? .f32
        let targets =
            labels.rank == 1
            ? try BinaryCrossEntropy.targets(labels, count: model.classCount, dtype: dtype) : try labels.to(dtype)
        let loss = try logits.binaryCrossEntropyWithLogits(targets, reduction: reduction)
        return reduction == .sum ? try loss / Double(model.classCount) : loss
    }

    /// Data sets hold one label an example so far: a model of several labels would be trained on the wrong loss.
    ///
    /// - Throws: `TrainingError` with code `model`.
    func requireSingleLabels() throws(TrainingError) {
        guard !isMultilabel else {
            throw TrainingError(
                .model,
                "model.multilabel: the data sets of this version hold one label an example; expected multilabel: false")
        }
    }
}
