import Datasets
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

    /// How many examples the scores answer right: the highest one is the label's; for several labels, those above zero
    /// (a probability above one half) are just the example's.
    func correct(_ logits: Tensor, _ rows: DatasetView) throws(TensorError) -> Int {
        let logits = try logits.detached()
        guard isMultilabel else {
            return zip(try logits.argmax(axis: 1).integers(), rows.labels).count { $0 == $1 }
        }
        let (scores, targets, classes) = (try logits.floats(), targets(rows), model.classCount)
        return (0..<rows.count).count { row in
            (row * classes..<(row + 1) * classes).allSatisfy { (scores[$0] > 0) == (targets[$0] == 1) }
        }
    }

    /// The targets `[B, K]` of rows, made of their labels where the data have one each.
    func targets(_ rows: DatasetView) -> [Float] {
        if let targets = rows.targets { return targets }
        let classes = model.classCount
        var targets = [Float](repeating: 0, count: rows.count * classes)
        for (row, label) in rows.labels.enumerated() { targets[row * classes + label] = 1 }
        return targets
    }
}
