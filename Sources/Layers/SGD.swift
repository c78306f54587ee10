public import Tensors

/// Stochastic gradient descent with momentum and weight decay, the arithmetic of `torch.optim.SGD`.
///
/// With `clipNorm` the step first scales all gradients by min(1, clipNorm / (norm + 1e-6)), as
/// `torch.nn.utils.clip_grad_norm_` does, without a second pass over memory.
public final class SGD {
    /// The numbers of the method.
    public struct Configuration: Sendable, Hashable, Codable {
        /// The step size.
        public var learningRate: Double
        /// How much of the previous direction is kept; 0 for none.
        public var momentum: Double
        /// How much less than all of the gradient enters the momentum.
        public var dampening: Double
        /// The L2 penalty.
        public var weightDecay: Double
        /// Whether the step looks ahead along the momentum.
        public var nesterov: Bool
        /// The global L2 norm above which gradients are scaled down; nil for never.
        public var clipNorm: Double?

        /// A step size of 0.05 and nothing else.
        public static let defaults = Configuration(learningRate: 0.05)

        /// Gathers the numbers.
        public init(
            learningRate: Double,
            momentum: Double = 0,
            dampening: Double = 0,
            weightDecay: Double = 0,
            nesterov: Bool = false,
            clipNorm: Double? = nil
        ) {
            self.learningRate = learningRate
            self.momentum = momentum
            self.dampening = dampening
            self.weightDecay = weightDecay
            self.nesterov = nesterov
            self.clipNorm = clipNorm
        }
    }

    /// The numbers in force; may be changed between steps, by a schedule for example.
    public var configuration: Configuration

    private let parameters: [Tensor]
    private var momentum: [Tensor?]

    /// Makes the optimiser without momentum yet.
    ///
    /// - Throws: `TensorError` when a number is negative or not finite, or for Nesterov without momentum or with
    ///   dampening.
    public init(_ parameters: [Tensor], _ configuration: Configuration = .defaults) throws(TensorError) {
        let numbers: [(name: String, value: Double)] = [
            (name: "learningRate", value: configuration.learningRate),
            (name: "momentum", value: configuration.momentum),
            (name: "weightDecay", value: configuration.weightDecay),
            (name: "clipNorm", value: configuration.clipNorm ?? 0),
        ]
        for (name, value) in numbers where !(value >= 0 && value.isFinite) {
            throw TensorError(.invalidArgument, "SGD: expected \(name) to be finite and not negative, found \(value)")
        }
        guard configuration.dampening.isFinite else {
            throw TensorError(.invalidArgument, "SGD: dampening is not finite")
        }
        guard !configuration.nesterov || (configuration.momentum > 0 && configuration.dampening == 0) else {
            throw TensorError(.invalidArgument, "SGD: Nesterov needs momentum above 0 and no dampening")
        }
        self.parameters = parameters
        self.configuration = configuration
        momentum = Array(repeating: nil, count: parameters.count)
    }

    /// Changes the parameters along their gradients; those without a gradient stay.
    ///
    /// - Returns: the global norm of the gradients before clipping; 0 without `clipNorm`.
    @discardableResult
    public func step() throws(TensorError) -> Double {
        try GradientStep.descend(
            parameters,
            momentum: &momentum,
            .init(
                learningRate: configuration.learningRate,
                momentum: configuration.momentum,
                dampening: configuration.dampening,
                weightDecay: configuration.weightDecay,
                isNesterov: configuration.nesterov,
                maximumNorm: configuration.clipNorm))
    }

    /// Removes the gradients of all parameters.
    public func zeroGradients() throws(TensorError) {
        for parameter in parameters {
            try parameter.zeroGradient()
        }
    }
}
