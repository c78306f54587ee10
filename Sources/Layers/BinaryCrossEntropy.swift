public import Tensors
public import Weights

/// The loss of classification where an example may have any number of classes.
public enum BinaryCrossEntropy {
    /// The mean over examples and classes of −t log σ(x) − (1 − t) log(1 − σ(x)).
    ///
    /// - Parameters:
    ///   - logits: x [N, C].
    ///   - targets: t [N, C] of the same element type, 1 for the classes of an example and 0 for the others.
    /// - Throws: `TensorError` when the shapes or element types do not fit.
    public static func loss(_ logits: Tensor, _ targets: Tensor) throws(TensorError) -> Tensor {
        try logits.binaryCrossEntropyWithLogits(targets, reduction: .mean)
    }

    /// The targets [N, C] of examples that have one class each.
    ///
    /// - Parameters:
    ///   - classes: N class indices as 64-bit integers, each below C.
    ///   - count: C.
    ///   - dtype: the element type of the targets.
    /// - Throws: `TensorError` naming an index that is out of range.
    public static func targets(
        _ classes: Tensor,
        count: Int,
        dtype: DType
    ) throws(TensorError) -> Tensor {
        let indices = try classes.integers()
        if let wrong = indices.first(where: { !(0..<count).contains($0) }) {
            throw TensorError(.invalidArgument, "binary cross-entropy: class \(wrong), expected 0..<\(count)")
        }
        return try Tensor.arange(count).unsqueezed(0).equal(classes.unsqueezed(1)).to(dtype)
    }
}
