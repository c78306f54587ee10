public import Datasets
public import Jobs
import Layers
import ModelZoo
import Tensors

/// Counting how a model does on held-out examples.
///
/// Everything returned is additive over sites: the summed `loss`, the number `correct`, the confusion matrix (rows are
/// true classes; none where an example may have several) and the figures of `ScoreFigures`. Ratios are derived from totals, never averaged.
public struct Evaluation: Sendable {
    /// The numbers of the method; the free keys of the job's `evaluation` map.
    public struct Configuration: Sendable, Hashable {
        /// Examples of a forward pass; the result depends on it only in the last bits.
        public var batchSize = 256
        /// The threads that the job asks for; nil for what the site gives.
        public var threads: Int?

        /// The defaults.
        public init() {}

        /// Reads the free keys of the job's `evaluation` map.
        ///
        /// - Throws: `TrainingError` with code `config` naming the key.
        public init(_ settings: Settings) throws(TrainingError) {
            let reader = try SettingsReader(
                settings, place: "evaluation", code: .config, known: ["batchSize", "threads"])
            batchSize = try reader.int("batchSize", batchSize, in: 1...1_000_000)
            threads = try reader.optionalInt("threads", in: 1...1024)
        }
    }

    /// Evaluates without dropout and without recording gradients.
    ///
    /// - Parameter observer: called after every batch with the fraction done and the mean loss so far; may throw to give up.
    /// - Returns: zeros for no examples.
    /// - Throws: `TensorError` when an operation fails; whatever the observer throws.
    public static func run(
        _ entry: ModelRegistry.Entry,
        on data: DatasetView,
        _ configuration: Configuration = Configuration(),
        observer: LocalTraining.Observer = { _, _ in }
    ) throws -> TaskStatistics {
        try statistics(of: [scores(entry, on: data, configuration, observer: observer)])
    }

    /// What forward passes over some examples gave, before anything is counted.
    public struct Scores: Sendable {
        /// The summed loss of every batch.
        var losses: [Double] = []
        /// Logits `[examples, classes]`.
        var values: [Float] = []
        /// The classes; not used where there are targets.
        var labels: [Int]
        /// `[examples, classes]` where an example may have several classes.
        var targets: [Float]?
        /// The number of classes.
        var classes: Int
    }

    /// The forward passes alone, so that a large split can be shared out: the parts of a split, each of whole batches,
    /// count together as the split alone would, bit for bit.
    ///
    /// - Parameters:
    ///   - first: where the examples begin in their split, for messages.
    ///   - observer: called after every batch with the fraction done and the mean loss so far; may throw to give up.
    /// - Throws: like `run`.
    public static func scores(
        _ entry: ModelRegistry.Entry,
        on data: DatasetView,
        first: Int = 0,
        _ configuration: Configuration = Configuration(),
        observer: LocalTraining.Observer = { _, _ in }
    ) throws -> Scores {
        let context = ForwardContext.evaluation()
        var result = Scores(
            labels: data.labels, targets: entry.isMultilabel ? entry.targets(data) : nil,
            classes: entry.model.classCount)
        result.values.reserveCapacity(data.count * result.classes)
        var lossSum = 0.0
        var start = 0
        while start < data.count {
            let end = min(start + configuration.batchSize, data.count)
            let rows = data.selecting(start..<end)
            let (loss, values) = try noGrad { () throws(TensorError) in
                let batch = try ModelBatch(rows, modalities: entry.modalities)
                let logits = try entry.model.logits(batch, context)
                return (try entry.loss(logits, batch, reduction: .sum).item(), try logits.floats())
            }
            guard loss.isFinite else {
                throw TrainingError(
                    .diverged,
                    "the loss over examples \(first + start)..<\(first + end) is \(loss): expected a finite number")
            }
            lossSum += loss
            result.losses.append(loss)
            result.values += values
            start = end
            try observer(Double(end) / Double(data.count), lossSum / Double(end))
        }
        return result
    }

    /// Counts the parts of a split in order.
    ///
    /// - Parameter parts: at least one.
    public static func statistics(of parts: [Scores]) -> TaskStatistics {
        var counting = ScoreCounting(
            classes: parts.first?.classes ?? 0, isMultilabel: parts.first?.targets != nil)
        var lossSum = 0.0
        for part in parts {
            for loss in part.losses { lossSum += loss }
            if let targets = part.targets {
                counting.add(part.values, targets: targets)
            } else {
                counting.add(part.values, labels: part.labels)
            }
        }
        return counting.statistics(loss: lossSum)
    }
}
