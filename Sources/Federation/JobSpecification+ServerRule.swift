public import Aggregation
public import Jobs
public import Weights

extension JobSpecification {
    /// What the server does with updates.
    ///
    /// - Throws: `JobsError` when the strategy is not valid.
    public func serverRule() throws -> ServerRule {
        let settings = try StrategySettings(strategy)
        switch settings.name {
        case .fedavg, .fedprox, .fedrs, .moon, .fedbn, .fedper, .fedrep, .ditto: return .weightedMean
        case .fedopt:
            func adaptive(_ variant: AdaptiveOptimizer.Variant) -> ServerRule {
                .adaptive(
                    AdaptiveOptimizer(
                        variant, learningRate: settings.serverLearningRate, beta1: settings.beta1,
                        beta2: settings.beta2, tau: settings.tau))
            }
            switch settings.serverOptimizer {
            case .sgd:
                return .momentum(
                    learningRate: settings.serverLearningRate, momentum: settings.serverMomentum,
                    clientLearningRate: clientLearningRate)
            case .adam: return adaptive(.adam)
            case .yogi: return adaptive(.yogi)
            case .adagrad: return adaptive(.adagrad)
            }
        case .scaffold: return .scaffold(population: population ?? 0)
        case .fednova: return .normalised
        case .feddyn: return .dynamic(alpha: settings.alpha, population: population ?? 0)
        }
    }

    /// How each tensor of the global weights comes out of a round.
    ///
    /// - Throws: `JobsError` when the strategy is not valid, `AggregationError` when a rule does not fit the weights.
    public func tensorRules(for schema: WeightsSchema) throws -> TensorRules {
        let settings = try StrategySettings(strategy)
        let kept = self.kept + schema.tensors.map(\.name).filter(settings.isPersonal)
        let rules = TensorRules(
            Dictionary(
                kept.map { ($0, TensorRule.kept) } + latest.map { ($0, TensorRule.latest) },
                uniquingKeysWith: { first, _ in first }))
        try rules.check(schema)
        return rules
    }
}
