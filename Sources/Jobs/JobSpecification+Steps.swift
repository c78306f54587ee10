#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension JobSpecification {
    /// Passes over a client's examples where `training.epochs` does not say.
    public static let standardEpochs = 1
    /// Examples of a step where `training.batchSize` does not say.
    public static let standardBatchSize = 16
    /// How much of the previous direction is kept where `training.momentum` does not say.
    public static let standardMomentum = 0.9

    /// The most effective steps aₖ (FedNova's ‖a‖₁) that a client with so many examples takes by the job's training
    /// settings: of S = epochs · ⌈examples / batch size⌉ steps of SGD with momentum ρ,
    /// (S − ρ (1 − ρ^S) / (1 − ρ)) / (1 − ρ), and S where ρ is 0.
    ///
    /// J. Wang et al., "Tackling the objective inconsistency problem in heterogeneous federated optimization", NeurIPS
    /// 2020. A ten-thousandth is added for the rounding of float32, in which claims come.
    public func mostEffectiveSteps(examples: Int) -> Double {
        let epochs = Double(max(1, training["epochs"]?.intValue ?? Self.standardEpochs))
        let size = max(1, training["batchSize"]?.intValue ?? Self.standardBatchSize)
        let steps = epochs * (Double(max(1, examples)) / Double(size)).rounded(.up)
        let momentum = min(max(training["momentum"]?.doubleValue ?? Self.standardMomentum, 0), 1)
        let rest = 1 - momentum
        // Never less than what follows below, and where momentum is all but 1 that would cancel.
        guard rest > 1e-9 else { return steps * (steps + 1) / 2 * 1.0001 }
        let forgotten = momentum > 0 ? -expm1(steps * log(momentum)) : 1
        return (steps - momentum * forgotten / rest) / rest * 1.0001
    }
}
