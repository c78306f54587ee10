public import Tensors

/// Cross-correlation over pictures: y[o][r][s] = b[o] + Σ_i Σ_k Σ_l W[o][i][k][l] x[i][r + k − padding][s + l − padding].
///
/// Parameters: `weight` [outputs, inputs, kernel, kernel], `bias` [outputs].
public final class Conv2d: UnaryModule {
    /// [outputs, inputs, kernel, kernel].
    public let weight: Tensor
    /// [outputs].
    public let bias: Tensor
    /// Zeros before the first and after the last row and column.
    public let padding: Int

    /// Draws weight and bias from U(−1/√n, 1/√n), n = inputs · kernel².
    ///
    /// - Parameter isXavier: whether the weight is drawn as `Initializer.xavier(_:)` says instead.
    public init(
        inputs: Int,
        outputs: Int,
        kernel: Int,
        padding: Int = 0,
        isXavier: Bool = false,
        _ initializer: Initializer
    ) throws(TensorError) {
        let (area, first) = kernel.multipliedReportingOverflow(by: kernel)
        let (fanIn, second) = inputs.multipliedReportingOverflow(by: area)
        guard !first, !second else {
            throw TensorError(.invalidArgument, "Conv2d: \(inputs) inputs times a kernel of \(kernel)² is too large")
        }
        let shape = [outputs, inputs, kernel, kernel]
        weight = isXavier ? try initializer.xavier(shape) : try initializer.uniform(shape, fanIn: fanIn)
        bias = try initializer.uniform([outputs], fanIn: fanIn)
        self.padding = padding
    }

    /// `weight` and `bias`.
    public var ownParameters: [(name: String, tensor: Tensor)] {
        [(name: "weight", tensor: weight), (name: "bias", tensor: bias)]
    }

    /// [B, inputs, rows, columns] → [B, outputs, rows + 2 padding − kernel + 1, columns + 2 padding − kernel + 1].
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try input.conv2d(weight: weight, bias: bias, padding: padding)
    }
}
