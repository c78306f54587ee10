/// What the server does with the updates of a round, as numbers.
public enum ServerRule: Sendable, Hashable {
    /// The round's update is added: federated averaging.
    case weightedMean
    /// Momentum SGD at the server.
    case momentum(learningRate: Double, momentum: Double, clientLearningRate: Double)
    /// An adaptive optimiser at the server.
    case adaptive(AdaptiveOptimizer)
    /// SCAFFOLD, with the number of all clients.
    case scaffold(population: Int)
    /// FedNova.
    case normalised
    /// FedDyn, with the number of all clients.
    case dynamic(alpha: Double, population: Int)
}

/// Makes the fold of a rule.
public enum AggregationStrategies {
    /// A fold.
    ///
    /// - Parameters:
    ///   - rule: what the server makes of the round's update.
    ///   - pipeline: how the clients' updates become the round's. SCAFFOLD, FedNova and FedDyn combine in their own way and
    ///     take the standard one only.
    ///   - blockElements: the largest block in elements.
    ///   - driver: the threads that work.
    /// - Throws: ``AggregationError`` `invalidRule` when a number is not finite or out of its range.
    public static func make(
        _ rule: ServerRule, pipeline: AggregationPipeline = AggregationPipeline(), blockElements: Int = 32 << 10,
        driver: BlockDriver = .standard
    ) throws -> any AggregationStrategy {
        func require(_ holds: Bool, _ what: String) throws {
            if !holds { throw AggregationError(.invalidRule, "server rule: \(what)") }
        }
        try require(blockElements > 0, "expected at least 1 element a block, found \(blockElements)")
        try require((0..<1).contains(pipeline.ema), "expected an ema from 0 to below 1, found \(pipeline.ema)")
        func fold(_ rule: some BlockRule) -> any AggregationStrategy {
            StrategyFold(rule: rule, pipeline: pipeline, blockElements: blockElements, driver: driver)
        }
        switch rule {
        case .weightedMean: return fold(AveragingRule())
        case .momentum(let rate, let momentum, let clientRate):
            try require(rate.isFinite && rate >= 0, "expected a step size from 0, found \(rate)")
            try require((0...1).contains(momentum), "expected a momentum from 0 to 1, found \(momentum)")
            try require(
                clientRate.isFinite && clientRate > 0, "expected a client's step size above 0, found \(clientRate)")
            return fold(
                ServerMomentumRule(learningRate: rate, momentum: momentum, clientLearningRate: clientRate))
        case .adaptive(let numbers):
            try require(
                numbers.learningRate.isFinite && numbers.learningRate >= 0,
                "expected a step size from 0, found \(numbers.learningRate)")
            try require(
                (0..<1).contains(numbers.beta1) && (0..<1).contains(numbers.beta2),
                "expected decays from 0 to below 1, found \(numbers.beta1) and \(numbers.beta2)")
            try require(numbers.tau.isFinite && numbers.tau > 0, "expected tau above 0, found \(numbers.tau)")
            try require(
                numbers.weightDecay.isFinite && numbers.weightDecay >= 0,
                "expected a weight decay from 0, found \(numbers.weightDecay)")
            return fold(AdaptiveServerRule(numbers: numbers))
        case .scaffold(let population):
            try require(population > 0, "expected at least 1 client, found \(population)")
            return fold(ScaffoldRule(population: population))
        case .normalised: return fold(NormalisedRule())
        case .dynamic(let alpha, let population):
            try require(alpha.isFinite && alpha > 0, "expected alpha above 0, found \(alpha)")
            try require(population > 0, "expected at least 1 client, found \(population)")
            return fold(DynamicRule(alpha: alpha, population: population))
        }
    }
}
