public import Tensors
public import Weights

extension Module {
    /// Names, shapes and element types of all parameters.
    public func schema() throws(TensorError) -> WeightsSchema {
        try Tensor.schema(of: parameters())
    }

    /// A copy of all parameters.
    public func weights() throws(TensorError) -> Weights {
        try Tensor.weights(of: parameters())
    }

    /// Overwrites all parameters, converting between float types.
    ///
    /// - Throws: `TensorError` `mismatch`, before anything changed, when names, shapes or element types differ.
    public func load(_ weights: Weights) throws(TensorError) {
        try Tensor.load(weights, into: parameters())
    }
}
