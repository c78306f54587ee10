public import Jobs
public import ModelZoo
public import Tensors
public import Weights

/// The client's half of a strategy: what it changes in plain local training.
///
/// Made for one task and used on one thread. The hooks come in this order: `begin`; for every batch `loss`, then (with
/// `adjustsGradients`) `adjustGradients`, then the optimiser's step, then `afterStep`; at the end `finish`. Every hook but
/// `loss` has a default that does nothing.
public protocol LocalAlgorithm: AnyObject {
    /// Whether `adjustGradients` is to be called. Gradients are then clipped before it, so that what it adds is not.
    var adjustsGradients: Bool { get }

    /// How many times the whole training runs, for reports of progress.
    var passes: Int { get }

    /// How many epochs a pass has, from the job's `epochs`.
    func epochs(_ configured: Int) -> Int

    /// Sees the global weights and the client's state; may change the model.
    func begin(_ task: LocalTask) throws

    /// The loss of a batch, a mean over its examples.
    func loss(_ output: ModelOutput, _ batch: LocalBatch) throws -> Tensor

    /// Changes the gradients before the step. A parameter may have none.
    ///
    /// - Parameter epoch: the epoch of this pass, from 0.
    func adjustGradients(_ task: LocalTask, epoch: Int) throws

    /// Sees the model after a step.
    func afterStep(_ task: LocalTask) throws

    /// Ends the task; afterwards the model holds the local weights that the update is made of.
    ///
    /// - Parameters:
    ///   - steps: how many steps were done.
    ///   - again: trains the model as it is once more, with another algorithm.
    /// - Returns: what goes into the update and what the client is to remember.
    func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra
}

/// One batch of a client's examples.
public struct LocalBatch {
    /// The inputs and labels.
    public let tensors: ModelBatch
    /// The model, which knows the loss of its scores.
    let entry: ModelRegistry.Entry
    /// The positions of the examples in the task's data.
    public let positions: ArraySlice<Int>

    /// The mean loss of scores `[B, K]` against the batch's labels: `ModelRegistry.Entry.loss`.
    public func loss(_ logits: Tensor) throws -> Tensor { try entry.loss(logits, tensors) }
}

/// What a task gives beside the model's weights.
public struct LocalOutcome {
    /// What an algorithm adds.
    public struct Extra {
        /// Tensors of the update, named `aux.…`; nil for none.
        public var auxiliary: Weights?
        /// What to save in the client's state, by name. To be saved when the update is known to be good.
        public var state: [String: Weights]

        /// Gathers the parts.
        public init(auxiliary: Weights? = nil, state: [String: Weights] = [:]) {
            self.auxiliary = auxiliary
            self.state = state
        }
    }

    /// What was counted.
    public var statistics: TaskStatistics
    /// What the algorithm adds.
    public var extra: Extra
}

extension LocalAlgorithm {
    /// No.
    public var adjustsGradients: Bool { false }

    /// Once.
    public var passes: Int { 1 }

    /// As configured.
    public func epochs(_ configured: Int) -> Int { configured }

    /// Nothing.
    public func begin(_ task: LocalTask) throws {}

    /// Mean negative log-likelihood.
    public func loss(_ output: ModelOutput, _ batch: LocalBatch) throws -> Tensor {
        try batch.loss(output.logits)
    }

    /// Nothing.
    public func adjustGradients(_ task: LocalTask, epoch: Int) throws {}

    /// Nothing.
    public func afterStep(_ task: LocalTask) throws {}

    /// Nothing to add.
    public func finish(
        _ task: LocalTask, steps: Int, again: (any LocalAlgorithm) throws -> Void
    ) throws -> LocalOutcome.Extra { .init() }
}

/// Plain stochastic gradient descent: `fedavg`, `fedopt`.
public final class PlainTraining: LocalAlgorithm {
    /// Makes one.
    public init() {}
}
