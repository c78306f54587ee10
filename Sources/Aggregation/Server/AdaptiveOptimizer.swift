/// The numbers of an adaptive optimiser at the server.
public struct AdaptiveOptimizer: Sendable, Hashable {
    /// How the second moment grows.
    public enum Variant: String, Sendable, CaseIterable {
        case adagrad, yogi, adam, adamw
    }

    /// How the second moment grows.
    public var variant: Variant
    /// The step size η, at least 0.
    public var learningRate: Double
    /// The decay of the first moment, from 0 to below 1.
    public var beta1: Double
    /// The decay of the second moment, from 0 to below 1; without use for Adagrad.
    public var beta2: Double
    /// The smallest denominator; more than 0.
    public var tau: Double
    /// λ of AdamW, at least 0; without use for the others.
    public var weightDecay: Double

    /// Gathers the numbers.
    public init(
        _ variant: Variant, learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.99, tau: Double = 1e-3,
        weightDecay: Double = 0
    ) {
        self.variant = variant
        self.learningRate = learningRate
        self.beta1 = beta1
        self.beta2 = beta2
        self.tau = tau
        self.weightDecay = weightDecay
    }
}
