public import Tensors

/// y = x Wᵀ + b over the last axis.
///
/// Parameters: `weight` [outputs, inputs], `bias` [outputs].
public final class Linear: UnaryModule {
    /// [outputs, inputs].
    public let weight: Tensor
    /// [outputs], or nil.
    public let bias: Tensor?

    /// Draws weight and bias from U(−1/√inputs, 1/√inputs).
    ///
    /// - Parameter isXavier: whether the weight is drawn as `Initializer.xavier(_:)` says instead.
    public init(
        inputs: Int, outputs: Int, bias hasBias: Bool = true, isXavier: Bool = false, _ initializer: Initializer
    ) throws(TensorError) {
        weight =
            isXavier
            ? try initializer.xavier([outputs, inputs]) : try initializer.uniform([outputs, inputs], fanIn: inputs)
        bias = hasBias ? try initializer.uniform([outputs], fanIn: inputs) : nil
    }

    /// `weight` and `bias`.
    public var ownParameters: [(name: String, tensor: Tensor)] {
        [(name: "weight", tensor: weight)] + (bias.map { [(name: "bias", tensor: $0)] } ?? [])
    }

    /// [..., inputs] → [..., outputs].
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try input.linear(weight: weight, bias: bias)
    }
}
