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
/// result depends on nothing but these numbers, the weights and the examples. The loss is the mean negative
/// log-likelihood over a batch.
public struct LocalTraining: Sendable {
    /// The numbers of the method; the job's `training` map.
    public struct Configuration: Sendable, Hashable {
        /// Passes over the data.
        public var epochs = 1
        /// Examples of a step.
        public var batchSize = 16
        /// The step size.
        public var learningRate = 0.05
        /// How much of the previous direction is kept.
        public var momentum = 0.9
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

    /// Trains a model in place.
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
        guard data.count > 0 else {
            throw TrainingError(.data, "data set '\(data.dataset.name)' has no examples to train on")
        }
        let model = entry.model
        let optimiser = try SGD(
            model.parameters().map(\.tensor),
            .init(
                learningRate: configuration.learningRate, momentum: configuration.momentum,
                weightDecay: configuration.weightDecay,
                clipNorm: configuration.clipNorm > 0 ? configuration.clipNorm : nil))
        let context = ForwardContext.training(
            seed: identity.seed, round: identity.round, client: identity.client)
        var shuffle = RandomStream(
            seed: identity.seed, purpose: "shuffle", round: identity.round, client: identity.client)
        let batches = (data.count + configuration.batchSize - 1) / configuration.batchSize
        var lossSum = 0.0
        var correct = 0
        for epoch in 0..<configuration.epochs {
            let order = shuffle.permutation(count: data.count)
            lossSum = 0
            correct = 0
            for batchIndex in 0..<batches {
                let start = batchIndex * configuration.batchSize
                let rows = data.selecting(order[start..<min(start + configuration.batchSize, data.count)])
                let batch = try ModelBatch(rows, modalities: entry.modalities)
                try optimiser.zeroGradients()
                let (loss, hits) = try step(model, batch, labels: rows.labels, context)
                guard loss.isFinite else {
                    throw TrainingError(
                        .diverged,
                        "the loss is \(loss) in epoch \(epoch), batch \(batchIndex): expected a finite number; a smaller "
                            + "learning rate than \(configuration.learningRate) or a smaller clipNorm may help")
                }
                try optimiser.step()
                lossSum += loss * Double(rows.count)
                correct += hits
                try observer(
                    Double(epoch * batches + batchIndex + 1) / Double(configuration.epochs * batches), loss)
            }
        }
        return TaskStatistics(
            examples: data.count, sums: ["loss": lossSum, "correct": Double(correct)])
    }

    /// Forward and backward of one batch: the mean loss and the number of right answers.
    private static func step(
        _ model: any MultimodalModel,
        _ batch: ModelBatch,
        labels: [Int],
        _ context: ForwardContext
    ) throws(TensorError) -> (loss: Double, correct: Int) {
        let logits = try model.logits(batch, context)
        guard let target = batch.labels else {
            throw TensorError(.invalidArgument, "training: the batch has no labels")
        }
        let loss = try logits.crossEntropy(target)
        try loss.backward()
        let answers = try logits.detached().argmax(axis: 1).integers()
        return (try loss.item(), zip(answers, labels).count { $0 == $1 })
    }
}
