import Jobs
import Weights

/// FedNova's client: plain training, and the effective number of steps aₖ in the update as `aux.steps`.
///
/// J. Wang et al., NeurIPS 2020. With momentum aₖ is ‖a‖₁ of the paper's momentum case.
public final class NormalisedTraining: LocalAlgorithm {
    /// Makes one.
    public init() {}

    /// Sends aₖ.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        let count = effectiveSteps(steps, momentum: task.configuration.momentum)
        return .init(
            auxiliary: try Weights([(name: AuxiliaryTensors.steps, shape: [], values: [Float(count)])]))
    }
}
