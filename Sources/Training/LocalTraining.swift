public import Datasets
public import Jobs
import Layers
import ModelZoo
import Randomness
import Tensors

/// One client's work in a round: some epochs of stochastic gradient descent from the global weights.
///
/// The examples are shuffled anew in every epoch from the stream (seed, `"shuffle"`, round, client), the last partial
/// batch is kept, dropout masks come from (seed, `"dropout"`, round, client, layer), and the optimiser starts fresh: the
/// result depends on nothing but these numbers, the weights and the examples. What a strategy changes for clients is a
/// ``LocalAlgorithm``; without one the loss is the mean negative log-likelihood over a batch, or binary cross-entropy
/// where an example may have several classes.
public struct LocalTraining: Sendable {
    /// The numbers of the method; the job's `training` map.
    public struct Configuration: Sendable, Hashable {
        /// Passes over the data.
        public var epochs = JobSpecification.standardEpochs
        /// Examples of a step.
        public var batchSize = JobSpecification.standardBatchSize
        /// The step size.
        public var learningRate = 0.05
        /// How much of the previous direction is kept.
        public var momentum = JobSpecification.standardMomentum
        /// The L2 penalty.
        public var weightDecay = 1e-5
        /// The global L2 norm of the gradient above which it is scaled down; 0 for never.
        public var clipNorm = 10.0
        /// The threads that the job asks for; nil for what the site gives. The site's number is the limit.
        public var threads: Int?

        /// The defaults of the FedMultimodal benchmark.
        public init() {}

        /// Reads the job's `training` map.
        ///
        /// - Throws: `TrainingError` with code `config` naming the key.
        public init(_ settings: Settings) throws(TrainingError) {
            let reader = try SettingsReader(
                settings, place: "training", code: .config,
                known: ["epochs", "batchSize", "learningRate", "momentum", "weightDecay", "clipNorm", "threads"])
            epochs = try reader.int("epochs", epochs, in: 1...100_000)
            batchSize = try reader.int("batchSize", batchSize, in: 1...1_000_000)
            learningRate = try reader.double("learningRate", learningRate, in: 0...1e6)
            momentum = try reader.double("momentum", momentum, in: 0...1)
            weightDecay = try reader.double("weightDecay", weightDecay, in: 0...1e6)
            clipNorm = try reader.double("clipNorm", clipNorm, in: 0...1e30)
            threads = try reader.optionalInt("threads", in: 1...1024)
        }
    }

    /// Whose draws these are.
    public struct Identity: Sendable, Hashable {
        /// The job's seed.
        public var seed: UInt64
        /// The round.
        public var round: UInt32
        /// The client's number, `TrainerRequest.Hello.clientIndex`.
        public var client: UInt32

        /// Gathers the numbers.
        public init(seed: UInt64, round: UInt32, client: UInt32) {
            self.seed = seed
            self.round = round
            self.client = client
        }
    }

    /// Called after every batch with the fraction done and the batch's loss; may throw to give up.
    public typealias Observer = (_ fraction: Double, _ loss: Double) throws -> Void

    /// Trains a model in place, by plain stochastic gradient descent.
    ///
    /// - Parameters:
    ///   - entry: the model, holding the global weights; afterwards the local ones.
    ///   - data: the site's examples, at least one.
    /// - Returns: the number of different examples, and over the last epoch the summed `loss` and the number `correct`
    ///   (measured while training, with dropout).
    /// - Throws: `TrainingError` with code `diverged` when the loss is not finite, `data` when there are no examples;
    ///   `TensorError` when an operation fails; whatever the observer throws.
    public static func run(
        _ entry: ModelRegistry.Entry,
        on data: DatasetView,
        _ configuration: Configuration,
        _ identity: Identity,
        observer: Observer = { _, _ in }
    ) throws -> TaskStatistics {
        try run(LocalTask(entry, on: data, configuration, identity), PlainTraining(), observer: observer).statistics
    }

    /// Trains a model in place with a client-side algorithm.
    ///
    /// - Parameter privacy: protects single examples, by ``PrivateDescent``; for algorithms that only change the loss.
    /// - Returns: what was counted over the (first) pass, and what the algorithm adds.
    /// - Throws: like the other `run`; whatever the algorithm throws.
    public static func run(
        _ task: LocalTask, _ algorithm: any LocalAlgorithm, privacy: RecordPrivacy? = nil,
        observer: Observer = { _, _ in }
    ) throws -> LocalOutcome {
        if let privacy {
            let statistics = try PrivateDescent.run(task, algorithm, privacy, observer: observer)
            return LocalOutcome(statistics: statistics, extra: .init())
        }
        guard task.data.count > 0 else {
            throw TrainingError(.data, "data set '\(task.data.dataset.name)' has no examples to train on")
        }
        let passes = Double(max(algorithm.passes, 1))
        var pass = 0.0
        func descend(_ algorithm: any LocalAlgorithm) throws -> (statistics: TaskStatistics, steps: Int) {
            try algorithm.begin(task)
            defer { pass += 1 }
            return try Self.descend(task, algorithm) { try observer((pass + $0) / passes, $1) }
        }
        let (statistics, steps) = try descend(algorithm)
        let extra = try algorithm.finish(task, steps: steps) { _ = try descend($0) }
        return LocalOutcome(statistics: statistics, extra: extra)
    }

    /// One pass over all epochs.
    private static func descend(
        _ task: LocalTask, _ algorithm: any LocalAlgorithm, observer: Observer
    ) throws -> (statistics: TaskStatistics, steps: Int) {
        let (data, configuration, identity) = (task.data, task.configuration, task.identity)
        let parameters = task.parameters.map(\.tensor)
        let clipNorm = configuration.clipNorm > 0 ? configuration.clipNorm : nil
        // What an algorithm adds to gradients is not clipped, so then they are clipped before it.
        let adjusts = algorithm.adjustsGradients
        let optimiser = try SGD(
            parameters,
            .init(
                learningRate: configuration.learningRate, momentum: configuration.momentum,
                weightDecay: configuration.weightDecay, clipNorm: adjusts ? nil : clipNorm))
        let context = ForwardContext.training(
            seed: identity.seed, round: identity.round, client: identity.client)
        var shuffle = RandomStream(
            seed: identity.seed, purpose: "shuffle", round: identity.round, client: identity.client)
        let batches = (data.count + configuration.batchSize - 1) / configuration.batchSize
        let epochs = algorithm.epochs(configuration.epochs)
        var lossSum = 0.0
        var correct = 0
        for epoch in 0..<epochs {
            let order = shuffle.permutation(count: data.count)
            lossSum = 0
            correct = 0
            for batchIndex in 0..<batches {
                let start = batchIndex * configuration.batchSize
                let positions = order[start..<min(start + configuration.batchSize, data.count)]
                let rows = data.selecting(positions)
                try optimiser.zeroGradients()
                let (loss, hits) = try step(task, rows, positions, context, algorithm)
                guard loss.isFinite else {
                    throw TrainingError(
                        .diverged,
                        "the loss is \(loss) in epoch \(epoch), batch \(batchIndex): expected a finite number; a smaller "
                            + "learning rate than \(configuration.learningRate) or a smaller clipNorm may help")
                }
                if adjusts {
                    if let clipNorm { try GradientStep.clip(parameters, toNorm: clipNorm) }
                    try algorithm.adjustGradients(task, epoch: epoch)
                }
                try optimiser.step()
                try algorithm.afterStep(task)
                lossSum += loss * Double(rows.count)
                correct += hits
                try observer(Double(epoch * batches + batchIndex + 1) / Double(epochs * batches), loss)
            }
        }
        let statistics = TaskStatistics(
            examples: data.count, sums: ["loss": lossSum, "correct": Double(correct)])
        return (statistics, epochs * batches)
    }

    /// Forward and backward of one batch: the mean loss and the number of right answers.
    static func step(
        _ task: LocalTask,
        _ rows: DatasetView,
        _ positions: ArraySlice<Int>,
        _ context: ForwardContext,
        _ algorithm: any LocalAlgorithm
    ) throws -> (loss: Double, correct: Int) {
        let batch = try ModelBatch(rows, modalities: task.entry.modalities)
        let output = try task.entry.model.output(batch, context)
        let loss = try algorithm.loss(output, LocalBatch(tensors: batch, entry: task.entry, positions: positions))
        try loss.backward()
        return (try loss.item(), try task.entry.correct(output.logits, rows))
    }
}
