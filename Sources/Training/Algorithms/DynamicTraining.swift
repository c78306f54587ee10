import Layers
import Tensors
import Weights

/// FedDyn's client: the objective is Lₖ(w) − ⟨hₖ, w⟩ + α/2 ‖w − w⁰‖², so the gradient gets −hₖ + α (w − w⁰); afterwards
/// hₖ ← hₖ − α (w − w⁰).
///
/// D. A. E. Acar et al., "Federated learning based on dynamic regularization", ICLR 2021, algorithm 1. hₖ begins at 0
/// and is kept in the state `dynamic`. The terms enter after clipping and before the momentum.
public final class DynamicTraining: LocalAlgorithm {
    private let alpha: Double
    private var reference: [Tensor] = []
    private var term: [Tensor] = []
    private var own: Weights?

    /// An algorithm with the regulariser α.
    public init(alpha: Double) { self.alpha = alpha }

    /// Yes.
    public var adjustsGradients: Bool { true }

    /// Reads hₖ.
    public func begin(_ task: LocalTask) throws {
        let weights = try task.state.load("dynamic", schema: task.floatSchema) ?? Weights(zeros: task.floatSchema)
        own = weights
        term = try task.tensors(weights)
        reference = try task.tensors(task.global)
    }

    /// g ← g − hₖ + α (w − w⁰).
    public func adjustGradients(_ task: LocalTask, epoch: Int) throws {
        for (position, (_, parameter)) in task.parameters.enumerated() {
            guard let gradient = parameter.gradient else { continue }
            try gradient.add(term[position], times: -1)
            try gradient.add(parameter, times: alpha)
            try gradient.add(reference[position], times: -alpha)
        }
    }

    /// The new hₖ for the state.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        var next = try own ?? Weights(zeros: task.floatSchema)
        try next.axpy(-alpha, task.entry.model.weights().update(from: task.global))
        return .init(state: ["dynamic": next])
    }
}
