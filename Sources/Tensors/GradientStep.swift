internal import CTorch

/// One optimiser step over a list of parameters, computed in one native pass.
///
/// This is the arithmetic alone; the optimisers that users configure are in the module Layers.
public enum GradientStep {
    /// The numbers of `torch.optim.SGD`.
    public struct Descent: Sendable, Hashable {
        /// The step size.
        public var learningRate: Double
        /// How much of the previous direction is kept; 0 for none.
        public var momentum: Double
        /// How much less than all of the gradient enters the momentum.
        public var dampening: Double
        /// The L2 penalty: this times the parameter is added to the gradient.
        public var weightDecay: Double
        /// Whether the step looks ahead along the momentum.
        public var isNesterov: Bool
        /// The global L2 norm above which gradients are scaled down; nil for never.
        public var maximumNorm: Double?

        /// Gathers the numbers.
        public init(
            learningRate: Double,
            momentum: Double = 0,
            dampening: Double = 0,
            weightDecay: Double = 0,
            isNesterov: Bool = false,
            maximumNorm: Double? = nil
        ) {
            self.learningRate = learningRate
            self.momentum = momentum
            self.dampening = dampening
            self.weightDecay = weightDecay
            self.isNesterov = isNesterov
            self.maximumNorm = maximumNorm
        }
    }

    /// Stochastic gradient descent: g ← clip(g) + λ p; v ← g at a parameter's first step, then μ v + (1 − δ) g;
    /// p ← p − η v (or η (g + μ v) with Nesterov).
    ///
    /// The same results as `clip_grad_norm_` followed by a step of `torch.optim.SGD`, except that the gradients
    /// themselves stay unclipped. Parameters without a gradient are left alone.
    ///
    /// - Parameters:
    ///   - parameters: contiguous tensors of 32-bit or 64-bit floats.
    ///   - momentum: one entry a parameter, made at its first step when momentum is not 0.
    /// - Returns: the global norm of the gradients before clipping; 0 when no `maximumNorm` is set.
    @discardableResult
    public static func descend(
        _ parameters: [Tensor],
        momentum: inout [Tensor?],
        _ descent: Descent
    ) throws(TensorError) -> Double {
        guard momentum.count == parameters.count else {
            throw TensorError(
                .invalidArgument,
                "descend: expected \(parameters.count) momentum entries, found \(momentum.count)")
        }
        let options = ct_sgd(
            learning_rate: descent.learningRate, momentum: descent.momentum, dampening: descent.dampening,
            weight_decay: descent.weightDecay, maximum_norm: descent.maximumNorm ?? 0, nesterov: descent.isNesterov)
        let handles = parameters.map(\.handle)
        var buffers = momentum.map { $0?.handle }
        var norm = 0.0
        defer {
            // Buffers made before a failure are kept as well, so that nothing leaks.
            for (index, buffer) in buffers.enumerated() {
                if momentum[index] == nil, let buffer { momentum[index] = Tensor(owning: buffer) }
            }
        }
        try withExtendedLifetime((parameters, momentum)) { () throws(TensorError) in
            try checkNative("descend") { ct_sgd_step(handles, &buffers, handles.count, options, &norm, $0) }
        }
        return norm
    }

    /// Scales all gradients by min(1, maximum / (norm + 1e-6)), as `torch.nn.utils.clip_grad_norm_` does.
    ///
    /// - Returns: the global L2 norm before, not finite when a gradient is not.
    @discardableResult
    public static func clip(_ parameters: [Tensor], toNorm maximum: Double) throws(TensorError) -> Double {
        let handles = parameters.map(\.handle)
        var norm = 0.0
        try withExtendedLifetime(parameters) { () throws(TensorError) in
            try checkNative("clip") { ct_clip_grad_norm(handles, handles.count, maximum, &norm, $0) }
        }
        return norm
    }
}
