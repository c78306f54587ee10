import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Tensors
import Testing
import Training
import Weights

/// Two linear layers without activation: an embedding e = A x + a and scores B e + b.
private final class TwoLayerModel: MultimodalModel {
    let first: Linear
    let lastLayer: Linear
    let classCount = 3

    init() throws {
        first = try Linear(inputs: 2, outputs: 2, Initializer(seed: 3))
        lastLayer = try Linear(inputs: 2, outputs: 3, Initializer(seed: 4))
    }

    var children: [(name: String, module: any Module)] {
        [(name: "first", module: first), (name: "last", module: lastLayer)]
    }

    func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        let embedding = try first.forward(batch.inputs[0], context)
        return ModelOutput(
            logits: try lastLayer.forward(embedding, context), hidden: embedding, embedding: embedding)
    }
}

@Suite struct ContrastiveTrainingTests {
    private let reference = SoftmaxReference(5)
    private let mu = 2.0
    private let temperature = 0.7

    /// Parameters in one list: first.weight, first.bias, last.weight, last.bias.
    private func flat(_ weights: Weights) throws -> [Double] {
        try ["first.weight", "first.bias", "last.weight", "last.bias"].flatMap { try weights.floats($0) }
            .map(Double.init)
    }

    private func embedding(_ p: [Double], _ x: [Double]) -> [Double] {
        [p[0] * x[0] + p[1] * x[1] + p[4], p[2] * x[0] + p[3] * x[1] + p[5]]
    }

    private func cosine(_ a: [Double], _ b: [Double]) -> Double {
        (a[0] * b[0] + a[1] * b[1]) / ((a[0] * a[0] + a[1] * a[1]) * (b[0] * b[0] + b[1] * b[1])).squareRoot()
    }

    /// The paper's loss, straight from its formula.
    private func loss(_ p: [Double], global: [Double], previous: [Double]) -> Double {
        var total = 0.0
        for (x, label) in zip(reference.inputs, reference.labels) {
            let z = embedding(p, x)
            let scores = (0..<3).map { p[6 + 2 * $0] * z[0] + p[7 + 2 * $0] * z[1] + p[12 + $0] }
            let near = exp(cosine(z, embedding(global, x)) / temperature)
            let far = exp(cosine(z, embedding(previous, x)) / temperature)
            total += log(scores.map { exp($0) }.reduce(0, +)) - scores[label] - mu * log(near / (near + far))
        }
        return total / Double(reference.labels.count)
    }

    @Test func moonMovesAlongTheNumericalGradient() throws {
        let data = try reference.dataset()
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 1
        configuration.batchSize = 100
        (configuration.momentum, configuration.weightDecay, configuration.clipNorm) = (0, 0, 0)
        configuration.learningRate = 0.5
        let model = try TwoLayerModel()
        let global = try model.weights()
        let memory = MemoryState()
        let strategy = try StrategySettings(["name": "moon", "mu": .double(mu), "temperature": .double(temperature)])
        func round() throws -> [Double] {
            try model.load(global)
            let task = try LocalTask(
                .init(model: model), on: data.all, configuration, .init(seed: 1, round: 0, client: 0), state: memory)
            let outcome = try LocalTraining.run(task, LocalAlgorithms.make(strategy))
            for (name, weights) in outcome.extra.state { memory.save(name, weights) }
            return try flat(model.weights())
        }
        // In the first round the previous model is the global one and the term has no gradient.
        let start = try flat(global)
        for _ in 0..<3 {
            let previous = try memory.saved["previous"].map(flat) ?? start
            let expected = start.indices.map { index in
                var (up, down) = (start, start)
                up[index] += 1e-5
                down[index] -= 1e-5
                let slope =
                    (loss(up, global: start, previous: previous) - loss(down, global: start, previous: previous)) / 2e-5
                return start[index] - 0.5 * slope
            }
            #expect(agree(try round(), expected, tolerance: 2e-5))
        }
        // The term counts from the second round on.
        let plain = try StrategySettings(["name": "moon", "mu": 0])
        try model.load(global)
        let task = try LocalTask(
            .init(model: model), on: data.all, configuration, .init(seed: 1, round: 0, client: 0), state: memory)
        _ = try LocalTraining.run(task, LocalAlgorithms.make(plain))
        #expect(!agree(try flat(model.weights()), try round()))
    }
}
