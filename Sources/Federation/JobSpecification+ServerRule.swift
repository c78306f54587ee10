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
                        beta2: settings.beta2, tau: settings.tau, weightDecay: settings.weightDecay))
            }
            switch settings.serverOptimizer {
            case .sgd:
                return .momentum(
                    learningRate: settings.serverLearningRate, momentum: settings.serverMomentum,
                    clientLearningRate: clientLearningRate)
            case .adam: return adaptive(.adam)
            case .adamw: return adaptive(.adamw)
            case .yogi: return adaptive(.yogi)
            case .adagrad: return adaptive(.adagrad)
            }
        case .scaffold: return .scaffold(population: population ?? 0)
        case .fednova: return .normalised
        case .feddyn: return .dynamic(alpha: settings.alpha, population: population ?? 0)
        }
    }

    /// How the updates of a round become one.
    ///
    /// - Throws: `JobsError` when `aggregation` is not valid.
    public func aggregationPipeline() throws -> AggregationPipeline {
        let settings = try AggregationSettings(aggregation)
        return AggregationPipeline(
            rule: updateRule(settings), clipNorm: settings.clipNorm, minimumCosine: settings.minimumCosine,
            maximumDistance: settings.maximumDistance, ema: settings.ema)
    }

    /// The fold of the job's rounds, the same at a coordinator and in a simulation.
    ///
    /// - Throws: `JobsError` or `AggregationError` when `strategy` or `aggregation` is not valid.
    public func aggregationStrategy() throws -> any AggregationStrategy {
        try AggregationStrategies.make(serverRule(), pipeline: aggregationPipeline())
    }

    private func updateRule(_ settings: AggregationSettings) -> any UpdateRule {
        switch settings.rule {
        case .mean: WeightedMean()
        case .uniformMean: UniformMean()
        case .fairMean: FairMean(q: settings.q, learningRate: clientLearningRate)
        case .median: CoordinateMedian()
        case .trimmedMean: TrimmedMean(trim: settings.trim)
        case .krum: Krum(byzantine: settings.byzantine)
        case .multiKrum: MultiKrum(byzantine: settings.byzantine, selected: settings.selected)
        case .bulyan: Bulyan(byzantine: settings.byzantine)
        case .geometricMedian: GeometricMedian(iterations: settings.iterations, smoothing: settings.smoothing)
        case .centredClipping: CentredClipping(radius: settings.radius, iterations: settings.iterations)
        case .foolsgold: FoolsGold(confidence: settings.confidence)
        case .fltrust: TrustedReference(trusted: settings.trusted)
        case .boundedMean: BoundedMean(bound: settings.bound)
        case .signMajority: SignMajority(step: settings.step)
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
