public import Jobs
import Layers

/// The client's half of every strategy.
public enum LocalAlgorithms {
    /// Makes the algorithm of a strategy, for one task.
    public static func make(_ strategy: StrategySettings) -> any LocalAlgorithm {
        switch strategy.name {
        case .fedavg, .fedopt: PlainTraining()
        case .fedprox: ProximalTraining(mu: strategy.mu)
        case .scaffold: ScaffoldTraining(faithful: strategy.isFaithful)
        case .fedrs: RestrictedTraining(alpha: strategy.alpha, faithful: strategy.isFaithful)
        case .fednova: NormalisedTraining()
        case .feddyn: DynamicTraining(alpha: strategy.alpha)
        case .moon: ContrastiveTraining(mu: strategy.mu, temperature: strategy.temperature)
        case .fedbn, .fedper, .fedrep: PersonalTraining(strategy)
        case .ditto: DittoTraining(mu: strategy.mu)
        }
    }

    /// Checks that a strategy can train a model.
    ///
    /// - Throws: `TrainingError` with code `config` for `fedrs` where an example may have several classes: it restricts
    ///   the softmax to the classes of a client, and binary cross-entropy has none.
    public static func check(_ strategy: StrategySettings.Name, _ entry: ModelRegistry.Entry) throws(TrainingError) {
        guard strategy == .fedrs, entry.isMultilabel else { return }
        throw TrainingError(
            .config,
            "strategy: fedrs restricts the softmax to the classes that a client has, and a model of several labels has no "
                + "softmax: expected another strategy, or model.multilabel: false")
    }

    /// Makes a model that holds the global weights the one that the client is evaluated with: its personal tensors, or
    /// its personal model, take their place where it has some. Nothing happens for other strategies.
    public static func personalise(
        _ entry: ModelRegistry.Entry, _ strategy: StrategySettings, state: any ClientState
    ) throws {
        guard strategy.isPersonalised else { return }
        let schema = try entry.model.schema()
        if strategy.name == .ditto {
            if let own = try state.load(DittoTraining.stateName, schema: schema) { try entry.model.load(own) }
        } else {
            try PersonalTraining.restore(strategy, entry, schema, state)
        }
    }
}
