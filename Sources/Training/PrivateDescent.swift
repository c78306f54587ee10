import Datasets
import Jobs
import Layers
import ModelZoo
import Privacy
import Tensors

/// DP-SGD: stochastic gradient descent whose steps tell little about any one example.
///
/// M. Abadi et al., "Deep learning with differential privacy", CCS 2016. A step draws every example by itself with the
/// probability q = min(1, batchSize / n), clips each example's gradient to the L2 norm C, and goes along
/// (Σ clip(g) + N(0, (σC)²)) / (q n). An epoch has ⌈n / batchSize⌉ steps. Gradients of single examples come from batches
/// of one through the ordinary automatic differentiation, which takes about a batch's size longer than plain training.
enum PrivateDescent {
    /// Trains a model in place.
    ///
    /// - Returns: the counts over the examples of the last epoch, and the number of steps as
    ///   ``RecordPrivacy/stepsFigure``.
    static func run(
        _ task: LocalTask, _ algorithm: any LocalAlgorithm, _ privacy: RecordPrivacy, observer: LocalTraining.Observer
    ) throws -> TaskStatistics {
        let (data, configuration, identity) = (task.data, task.configuration, task.identity)
        guard data.count > 0 else {
            throw TrainingError(.data, "data set '\(data.dataset.name)' has no examples to train on")
        }
        let parameters = task.parameters.map(\.tensor)
        let optimiser = try SGD(
            parameters,
            .init(
                learningRate: configuration.learningRate, momentum: configuration.momentum,
                weightDecay: configuration.weightDecay))
        let context = ForwardContext.training(
            seed: identity.seed, round: identity.round, client: identity.client)
        let rate = min(1, Double(configuration.batchSize) / Double(data.count))
        let perEpoch = (data.count + configuration.batchSize - 1) / configuration.batchSize
        let epochs = algorithm.epochs(configuration.epochs)
        try algorithm.begin(task)
        var counted = (loss: 0.0, correct: 0)
        for step in 0..<(epochs * perEpoch) {
            if step % perEpoch == 0 { counted = (0, 0) }
            let positions = sample(data.count, rate, step, privacy.stream)
            var sums = try parameters.map { try Tensor.zeros($0.shape) }
            for position in positions {
                let (loss, hits) = try one(task, position, context, algorithm, privacy.clipNorm, into: &sums)
                counted.loss += loss
                counted.correct += hits
            }
            for (index, parameter) in parameters.enumerated() {
                try noise(sums[index], index, step, privacy)
                try sums[index].scale(by: 1 / (rate * Double(data.count)))
                try parameter.setGradient(sums[index])
            }
            try optimiser.step()
            try algorithm.afterStep(task)
            try observer(
                Double(step + 1) / Double(epochs * perEpoch), counted.loss / Double(max(1, positions.count)))
        }
        return TaskStatistics(
            examples: data.count,
            sums: [
                "loss": counted.loss, "correct": Double(min(counted.correct, data.count)),
                RecordPrivacy.stepsFigure: Double(epochs * perEpoch),
            ])
    }

    /// Where the words of samples begin: no model has so many tensors.
    private static let sampling = 1 << 30

    /// The positions of a step's examples.
    static func sample(_ count: Int, _ rate: Double, _ step: Int, _ stream: NoiseStream) -> [Int] {
        guard rate < 1 else { return Array(0..<count) }
        var words = stream.words(tensor: sampling, element: step)
        let bound = UInt64(rate * 0x1p64)
        return (0..<count).filter { _ in words.next() < bound }
    }

    /// Adds the clipped gradient of one example.
    private static func one(
        _ task: LocalTask, _ position: Int, _ context: ForwardContext, _ algorithm: any LocalAlgorithm,
        _ clipNorm: Double, into sums: inout [Tensor]
    ) throws -> (loss: Double, correct: Int) {
        let parameters = task.parameters.map(\.tensor)
        for parameter in parameters { try parameter.zeroGradient() }
        let positions: [Int] = [position]
        let rows = task.data.selecting(positions[...])
        let (loss, hits) = try LocalTraining.step(task, rows, positions[...], context, algorithm)
        // A float's rounding stays within the bound.
        let norm = try GradientStep.clip(parameters, toNorm: clipNorm * (1 - 1e-6))
        guard loss.isFinite, norm.isFinite else { return (0, 0) }
        for (index, parameter) in parameters.enumerated() {
            if let gradient = parameter.gradient { try sums[index].add(gradient) }
        }
        return (loss, hits)
    }

    /// Adds N(0, (σC)²) to every element; steps have elements of their own.
    private static func noise(_ sum: Tensor, _ index: Int, _ step: Int, _ privacy: RecordPrivacy) throws {
        let count = sum.shape.reduce(1, *)
        let values = UnsafeMutableBufferPointer<Double>.allocate(capacity: count)
        defer { values.deallocate() }
        values.initialize(repeating: 0)
        privacy.stream.addNormals(
            tensor: index, start: step * count, deviation: privacy.noiseMultiplier * privacy.clipNorm, to: values)
        try sum.add(Tensor(values.map(Float.init), shape: sum.shape))
    }
}
