public import Tensors

/// The loss of classification.
public enum CrossEntropy {
    /// The mean over examples of −log softmax(logits)[class].
    ///
    /// - Parameters:
    ///   - logits: [N, C].
    ///   - classes: N class indices as 64-bit integers, each below C.
    /// - Throws: `TensorError` when an index is out of range or the shapes do not fit.
    public static func loss(_ logits: Tensor, _ classes: Tensor) throws(TensorError) -> Tensor {
        try logits.crossEntropy(classes, reduction: .mean)
    }
}
