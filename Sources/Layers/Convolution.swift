public import Tensors

/// Cross-correlation along time: y[o][t] = b[o] + Σ_i Σ_k W[o][i][k] x[i][t · stride + k − padding].
///
/// Parameters: `weight` [outputs, inputs, kernel], `bias` [outputs].
public final class Conv1d: UnaryModule {
    /// [outputs, inputs, kernel].
    public let weight: Tensor
    /// [outputs].
    public let bias: Tensor
    /// Steps between two windows.
    public let stride: Int
    /// Zeros before the first and after the last step.
    public let padding: Int

    /// Draws weight and bias from U(−1/√(inputs · kernel), 1/√(inputs · kernel)).
    public init(
        inputs: Int,
        outputs: Int,
        kernel: Int,
        stride: Int = 1,
        padding: Int = 0,
        _ initializer: Initializer
    ) throws(TensorError) {
        let (fanIn, overflow) = inputs.multipliedReportingOverflow(by: kernel)
        guard !overflow else {
            throw TensorError(.invalidArgument, "Conv1d: \(inputs) inputs times a kernel of \(kernel) is too large")
        }
        weight = try initializer.uniform([outputs, inputs, kernel], fanIn: fanIn)
        bias = try initializer.uniform([outputs], fanIn: fanIn)
        self.stride = stride
        self.padding = padding
    }

    /// `weight` and `bias`.
    public var ownParameters: [(name: String, tensor: Tensor)] {
        [(name: "weight", tensor: weight), (name: "bias", tensor: bias)]
    }

    /// [B, inputs, T] → [B, outputs, ⌊(T + 2 padding − kernel) / stride⌋ + 1].
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try input.conv1d(weight: weight, bias: bias, stride: stride, padding: padding)
    }
}

/// The maxima of windows along time, an incomplete last window dropped.
public final class MaxPool1d: UnaryModule {
    /// Steps in a window.
    public let kernel: Int
    /// Steps between two windows.
    public let stride: Int

    /// Makes the layer; the stride is the window's size when nil.
    public init(kernel: Int, stride: Int? = nil) {
        self.kernel = kernel
        self.stride = stride ?? kernel
    }

    /// [B, C, T] → [B, C, ⌊(T − kernel) / stride⌋ + 1].
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try input.maxPool1d(kernel: kernel, stride: stride)
    }
}
