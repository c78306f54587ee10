public import Datasets
public import Jobs
import Layers
import ModelZoo
public import Weights

/// One client's part in a round, from the global weights to its update, without files: what the trainer process does
/// for a daemon and a worker for a virtual client.
public struct RoundTraining {
    /// The model.
    public var entry: ModelRegistry.Entry
    /// How it is trained.
    public var strategy: StrategySettings

    /// A model under a strategy.
    public init(entry: ModelRegistry.Entry, strategy: StrategySettings) {
        self.entry = entry
        self.strategy = strategy
    }

    /// What a client has at the end.
    public struct Result: Sendable {
        /// Local minus global, with the strategy's own tensors and without what stays with the client.
        public var update: Weights
        /// What was counted.
        public var statistics: TaskStatistics
        /// What the client keeps, by name; for the caller to save before the update is sent.
        public var state: [String: Weights]
    }

    /// Trains from the global weights, which may hold the strategy's tensors.
    ///
    /// - Throws: `TrainingError` with code `diverged` when a value is not finite; see `LocalTraining.run`.
    public func run(
        on data: DatasetView, _ configuration: LocalTraining.Configuration, _ identity: LocalTraining.Identity,
        global file: Weights, state: any ClientState, observer: LocalTraining.Observer = { _, _ in }
    ) throws -> Result {
        let global = try file.filtered { !AuxiliaryTensors.isAuxiliary($0.name) }
        try entry.model.load(global)
        let task = try LocalTask(
            entry, on: data, configuration, identity, global: global,
            auxiliary: file.filtered { AuxiliaryTensors.isAuxiliary($0.name) }, state: state)
        let outcome = try LocalTraining.run(task, LocalAlgorithms.make(strategy), observer: observer)
        let shared = try entry.model.weights().update(from: global).filtered { !strategy.isPersonal($0.name) }
        let update = try outcome.extra.auxiliary.map(shared.joined) ?? shared
        guard update.allFinite, outcome.extra.state.values.allSatisfy(\.allFinite) else {
            throw TrainingError(
                .diverged, "the update holds numbers that are not finite: a smaller learning rate may help")
        }
        return Result(update: update, statistics: outcome.statistics, state: outcome.extra.state)
    }

    /// The forward passes over a part of the held-out examples with the global weights; see `Evaluation.scores`.
    public func scores(
        on data: DatasetView, first: Int, _ configuration: Evaluation.Configuration, global file: Weights
    ) throws -> Evaluation.Scores {
        try entry.model.load(file.filtered { !AuxiliaryTensors.isAuxiliary($0.name) })
        return try Evaluation.scores(entry, on: data, first: first, configuration)
    }

    /// Counts on held-out examples with the global weights, or with the client's own model where the strategy has one.
    public func evaluate(
        on data: DatasetView, _ configuration: Evaluation.Configuration, global file: Weights,
        state: (any ClientState)?, observer: LocalTraining.Observer = { _, _ in }
    ) throws -> TaskStatistics {
        try entry.model.load(file.filtered { !AuxiliaryTensors.isAuxiliary($0.name) })
        if let state { try LocalAlgorithms.personalise(entry, strategy, state: state) }
        return try Evaluation.run(entry, on: data, configuration, observer: observer)
    }
}
