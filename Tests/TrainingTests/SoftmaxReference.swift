import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Tensors
import Training
import Weights

/// Softmax regression on a few rows in plain Doubles: parameters [K·D weights, K biases], full-batch gradients.
struct SoftmaxReference {
    static let (classes, features) = (3, 2)
    var inputs: [[Double]]
    var labels: [Int]
    var parameters: [Double] = []

    /// Rows that differ by seed; classes come from `among`.
    init(_ seed: Int, count: Int = 9, among: [Int] = [0, 1, 2]) {
        labels = (0..<count).map { among[$0 % among.count] }
        inputs = labels.enumerated().map { row, label in
            [Double((row * 7 + seed * 3) % 11) / 8 - 0.5 + Double(label) / 2, Double((row * 5 + seed) % 9) / 8 - 0.5]
        }
    }

    /// The mean loss's gradient; `scale` multiplies the scores of classes, `bias` says whether biases count.
    func gradient(scale: [Double] = [1, 1, 1], bias: Bool = true) -> [Double] {
        let (k, d) = (Self.classes, Self.features)
        var gradient = [Double](repeating: 0, count: parameters.count)
        for (x, label) in zip(inputs, labels) {
            let scores = (0..<k).map { c in
                scale[c] * ((0..<d).reduce(bias ? parameters[k * d + c] : 0) { $0 + parameters[c * d + $1] * x[$1] })
            }
            let exponentials = scores.map { exp($0) }
            let sum = exponentials.reduce(0, +)
            for c in 0..<k {
                let error = scale[c] * (exponentials[c] / sum - (c == label ? 1 : 0)) / Double(labels.count)
                for j in 0..<d { gradient[c * d + j] += error * x[j] }
                if bias { gradient[k * d + c] += error }
            }
        }
        return gradient
    }

    /// The same examples and no parameters, as a data set.
    func dataset() throws -> MultimodalDataset {
        try MultimodalDataset(
            name: "toy", classes: ["a", "b", "c"], modalities: [Modality(name: "x", shape: [2])],
            values: [inputs.flatMap { $0.map(Float.init) }], labels: labels)
    }
}

/// A client of the tested kind: its data, its model, its memory.
struct TestClient {
    static let start: [Double] = [0.3, -0.2, 0.1, 0.4, -0.3, 0.2, 0.05, -0.1, 0.15]

    var reference: SoftmaxReference
    var configuration: LocalTraining.Configuration
    let memory = MemoryState()

    init(_ seed: Int = 1, epochs: Int = 4, momentum: Double = 0.9, among: [Int] = [0, 1, 2]) {
        reference = SoftmaxReference(seed, among: among)
        configuration = LocalTraining.Configuration()
        configuration.epochs = epochs
        configuration.batchSize = 100
        configuration.momentum = momentum
        configuration.weightDecay = 0
        configuration.clipNorm = 0
        configuration.learningRate = 0.2
    }

    static func weights(_ values: [Double]) throws -> Weights {
        try Weights([
            (name: "weight", shape: [3, 2], values: values[..<6].map(Float.init)),
            (name: "bias", shape: [3], values: values[6...].map(Float.init)),
        ])
    }

    static func values(_ weights: Weights, prefix: String = "") throws -> [Double] {
        try (weights.floats(prefix + "weight") + weights.floats(prefix + "bias")).map(Double.init)
    }

    /// Trains from some weights; returns the local parameters and what the algorithm adds.
    func train(
        _ strategy: Settings, from global: [Double] = TestClient.start, auxiliary: Weights? = nil
    ) throws -> (local: [Double], extra: LocalOutcome.Extra) {
        let data = try reference.dataset()
        let model = try SoftmaxModel(features: 2, classes: 3, Initializer(seed: 1))
        try model.load(Self.weights(global))
        let task = try LocalTask(
            ModelRegistry.Entry(model: model), on: data.all, configuration, .init(seed: 1, round: 0, client: 0),
            auxiliary: auxiliary, state: memory)
        let outcome = try LocalTraining.run(task, LocalAlgorithms.make(StrategySettings(strategy)))
        for (name, weights) in outcome.extra.state { memory.save(name, weights) }
        return (try Self.values(model.weights()), outcome.extra)
    }

    /// Momentum SGD on a gradient, in Doubles: v ← g, then ρ v + g; w ← w − η v. `after` sees every step.
    func descend(
        from start: [Double], epochs: Int? = nil, after: (inout [Double]) -> Void = { _ in },
        _ gradient: ([Double]) -> [Double]
    ) -> [Double] {
        var (weights, velocity) = (start, [Double](repeating: 0, count: start.count))
        for _ in 0..<(epochs ?? configuration.epochs) {
            let slope = gradient(weights)
            for index in weights.indices {
                velocity[index] = configuration.momentum * velocity[index] + slope[index]
                weights[index] -= configuration.learningRate * velocity[index]
            }
            after(&weights)
        }
        return weights
    }

    /// The gradient of the data's loss alone.
    func slope(_ weights: [Double], scale: [Double] = [1, 1, 1], bias: Bool = true) -> [Double] {
        var reference = reference
        reference.parameters = weights
        return reference.gradient(scale: scale, bias: bias)
    }
}

/// Client state in memory.
final class MemoryState: ClientState {
    private(set) var saved: [String: Weights] = [:]

    func load(_ name: String, schema: WeightsSchema) -> Weights? {
        saved[name].flatMap { $0.schema == schema ? $0 : nil }
    }
    func save(_ name: String, _ weights: Weights) { saved[name] = weights }
}

/// Whether all numbers agree to 1e-5 of the largest.
func agree(_ found: [Double], _ expected: [Double], tolerance: Double = 1e-5) -> Bool {
    guard found.count == expected.count else { return false }
    let scale = max(expected.map(abs).max() ?? 0, 1e-3)
    return zip(found, expected).allSatisfy { abs($0 - $1) <= tolerance * scale }
}
