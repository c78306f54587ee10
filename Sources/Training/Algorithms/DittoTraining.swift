import Layers
import ModelZoo
import Weights

/// Ditto: the global model is trained as in federated averaging; beside it the client trains a model v of its own, with
/// the proximal term μ (v − w⁰) towards the global weights that it was given.
///
/// T. Li, S. Hu, A. Beirami, V. Smith, "Ditto: fair and robust federated learning through personalization", ICML 2021
/// (μ is the paper's λ). v begins at the first global weights, is trained with the job's numbers and the same batches,
/// and is kept in the state `personal`. Evaluations at the client use v.
public final class DittoTraining: LocalAlgorithm {
    static let stateName = "personal"

    private let mu: Double

    /// An algorithm with the weight μ of the term.
    public init(mu: Double) { self.mu = mu }

    /// Twice: the global model, then the client's own.
    public var passes: Int { 2 }

    /// Trains the personal model, and leaves the local one in place.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra {
        let model = task.entry.model
        let local = try model.weights()
        try model.load(task.state.load(Self.stateName, schema: task.global.schema) ?? task.global)
        try again(ProximalTraining(mu: mu))
        let personal = try model.weights()
        guard personal.allFinite else {
            throw TrainingError(
                .diverged, "the personal model holds numbers that are not finite: a smaller learning rate may help")
        }
        try model.load(local)
        return .init(state: [Self.stateName: personal])
    }
}
