public import Tensors
public import Weights

/// Sets elements to zero at random in training and scales the others by 1/(1 − p) (Srivastava et al. 2014).
///
/// Without effect in evaluation. Masks are drawn as `ForwardContext` says.
public final class Dropout: UnaryModule {
    /// The probability of zero, in [0, 1).
    public let probability: Double
    /// The number of this layer's stream of masks, unique in its model.
    public let layer: UInt32

    /// Makes the layer.
    ///
    /// - Throws: `TensorError` when the probability is not in [0, 1).
    public init(probability: Double, layer: UInt32) throws(TensorError) {
        guard probability >= 0, probability < 1 else {
            throw TensorError(.invalidArgument, "Dropout: expected a probability in [0, 1), found \(probability)")
        }
        self.probability = probability
        self.layer = layer
    }

    /// Any shape → the same shape.
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        guard let mask = try mask(input.shape, context, dtype: input.dtype ?? .f32) else { return input }
        return try input * mask
    }

    /// The next mask, for operations that apply it themselves: 0 or 1/(1 − p); nil where nothing is dropped.
    public func mask(
        _ shape: [Int], _ context: ForwardContext, dtype: DType = .f32
    ) throws(TensorError) -> Tensor? {
        guard context.isTraining, probability > 0 else { return nil }
        return try context.dropoutMask(shape, keep: Float(1 - probability), layer: layer, dtype: dtype)
    }
}

/// max(x, 0), as a layer.
public final class ReLU: UnaryModule {
    /// Makes the layer.
    public init() {}

    /// Any shape → the same shape.
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try input.relu()
    }
}

/// Modules one after another, named by their positions `0`, `1`, … as in PyTorch.
public final class Sequential: UnaryModule {
    private let modules: [any UnaryModule]

    /// Chains the modules.
    public init(_ modules: [any UnaryModule]) {
        self.modules = modules
    }

    /// The modules under their positions.
    public var children: [(name: String, module: any Module)] {
        modules.enumerated().map { (name: String($0.offset), module: $0.element) }
    }

    /// The first module's input → the last one's output.
    public func forward(_ input: Tensor, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try forwardKeepingInput(input, context).output
    }

    /// The first module's input → the last one's input and output.
    public func forwardKeepingInput(
        _ input: Tensor, _ context: ForwardContext
    ) throws(TensorError) -> (lastInput: Tensor, output: Tensor) {
        var (before, value) = (input, input)
        for module in modules {
            before = value
            value = try module.forward(before, context)
        }
        return (before, value)
    }
}
