import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Privacy
import Tensors
import Testing
import Weights

@testable import Training

/// DP-SGD: clipping example by example against PyTorch (Golden/make_private_descent.py), noise, and lots.
@Suite struct PrivateDescentTests {
    private struct Golden: Decodable {
        var values: [Float]
        var labels: [Int]
        var weight: [Float]
        var bias: [Float]
        var clip: Double
        var norms: [Double]
        var clipped: [String: [Float]]
        var free: [String: [Float]]

        init() throws {
            let file = try #require(
                Bundle.module.url(forResource: "private-descent", withExtension: "json", subdirectory: "Golden"))
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
        }
    }

    private let secret: PrivacySecret

    init() throws { secret = try PrivacySecret(bytes: (0..<32).map { UInt8($0 &* 3) }) }

    private func privacy(
        clip: Double, noise: Double = 0, round: Int = 0, attempt: Int = 0
    ) throws -> RecordPrivacy {
        let stream = secret.stream(purpose: "record", round: round, attempt: attempt)
        var privacy = try #require(
            try RecordPrivacy(["mechanism": "record", "noiseMultiplier": 1, "delta": 1e-5]) { stream })
        privacy.clipNorm = clip
        privacy.noiseMultiplier = noise
        return privacy
    }

    private func configuration(
        _ epochs: Int, batch: Int, rate: Double = 0.5, momentum: Double = 0.9, decay: Double = 1e-5
    ) -> LocalTraining.Configuration {
        var configuration = LocalTraining.Configuration()
        configuration.epochs = epochs
        configuration.batchSize = batch
        configuration.learningRate = rate
        configuration.momentum = momentum
        configuration.weightDecay = decay
        // Has no part in private steps; without private ones it is off.
        configuration.clipNorm = 0
        return configuration
    }

    private func train(
        _ data: MultimodalDataset, from start: Weights, _ configuration: LocalTraining.Configuration,
        _ privacy: RecordPrivacy?
    ) throws -> (weights: Weights, statistics: TaskStatistics) {
        let features = data.modalities[0].elements
        let model = try SoftmaxModel(features: features, classes: data.classes.count, Initializer(seed: 1))
        try model.load(start)
        let task = try LocalTask(
            ModelRegistry.Entry(model: model), on: data.all, configuration, .init(seed: 1, round: 0, client: 0))
        let outcome = try LocalTraining.run(task, PlainTraining(), privacy: privacy)
        return (try model.weights(), outcome.statistics)
    }

    private func expectClose(_ found: Weights, _ expected: [String: [Float]], _ tolerance: Float = 2e-6) throws {
        for (name, values) in expected {
            for (one, other) in try zip(found.floats(name), values) {
                #expect(abs(one - other) < tolerance, "\(name): found \(one), expected \(other)")
            }
        }
    }

    @Test("Each example's gradient is clipped by itself: PyTorch's values after three steps")
    func clipping() throws {
        let golden = try Golden()
        // Some are clipped and some are not.
        #expect(golden.norms.contains { $0 < golden.clip } && golden.norms.contains { $0 > 5 * golden.clip })
        let data = try MultimodalDataset(
            name: "toy", classes: ["a", "b", "c"], modalities: [Modality(name: "x", shape: [3])],
            values: [golden.values], labels: golden.labels)
        let start = try Weights([
            (name: "weight", shape: [3, 3], values: golden.weight), (name: "bias", shape: [3], values: golden.bias),
        ])
        let (clipped, statistics) = try train(
            data, from: start, configuration(3, batch: 12), privacy(clip: golden.clip))
        try expectClose(clipped, golden.clipped)
        #expect(statistics.examples == 12 && statistics.sums[RecordPrivacy.stepsFigure] == 3)
        // Without a bound that matters it is plain gradient descent, PyTorch's and our own.
        let free = try train(data, from: start, configuration(3, batch: 12), privacy(clip: 1e9)).weights
        try expectClose(free, golden.free)
        let plain = try train(data, from: start, configuration(3, batch: 12), nil).weights
        try expectClose(free, ["weight": plain.floats("weight"), "bias": plain.floats("bias")])
        #expect(try clipped.floats("weight") != free.floats("weight"))
    }

    @Test("A step's noise has the deviation σC over the lot, repeats for its stream and differs from step to step")
    func noise() throws {
        // Inputs of 0: the gradient of the weights is 0, so that they show the noise alone.
        let features = 2000
        let data = try MultimodalDataset(
            name: "zeros", classes: ["a", "b"], modalities: [Modality(name: "x", shape: [features])],
            values: [[Float](repeating: 0, count: 4 * features)], labels: [0, 1, 0, 1])
        let start = try Weights([
            (name: "weight", shape: [2, features], values: [Float](repeating: 0, count: 2 * features)),
            (name: "bias", shape: [2], values: [0, 0]),
        ])
        let plain = configuration(1, batch: 4, rate: 1, momentum: 0, decay: 0)
        func values(_ epochs: Int, attempt: Int = 0) throws -> [Double] {
            var configuration = plain
            configuration.epochs = epochs
            return try train(data, from: start, configuration, privacy(clip: 0.5, noise: 3, attempt: attempt)).weights
                .floats("weight").map(Double.init)
        }
        let one = try values(1)
        let count = Double(one.count)
        let variance = one.reduce(0) { $0 + $1 * $1 } / count
        // σC / n = 3 · 0.5 / 4.
        #expect(abs(variance / (0.375 * 0.375) - 1) < 5 * (2 / count).squareRoot())
        #expect(abs(one.reduce(0, +) / count) < 5 * 0.375 / count.squareRoot())
        #expect(try values(1) == one)
        #expect(try values(1, attempt: 1) != one)
        let second = try zip(values(2), one).map { $0 - $1 }
        let product = zip(second, one).reduce(0) { $0 + $1.0 * $1.1 } / count
        #expect(abs(product / (0.375 * 0.375)) < 5 / count.squareRoot(), "steps have noise of their own")
    }

    @Test("Lots are Poisson samples: every example by itself, of its own in every step")
    func samples() throws {
        let stream = secret.stream(purpose: "record", round: 0)
        let steps = 600
        var times = [Int](repeating: 0, count: 40)
        var sizes: [Int] = []
        for step in 0..<steps {
            let lot = PrivateDescent.sample(40, 0.1, step, stream)
            #expect(lot == lot.sorted() && Set(lot).count == lot.count)
            for position in lot { times[position] += 1 }
            sizes.append(lot.count)
        }
        // Binomial: 60 times each with a deviation of 7.3; sizes of 4 with a deviation of 1.9.
        #expect(times.allSatisfy { abs(Double($0) - 60) < 5 * 7.35 })
        let mean = Double(sizes.reduce(0, +)) / Double(steps)
        let variance = sizes.reduce(0.0) { $0 + pow(Double($1) - mean, 2) } / Double(steps)
        #expect(abs(mean - 4) < 5 * 1.9 / Double(steps).squareRoot())
        #expect(abs(variance / 3.6 - 1) < 5 * (2.3 / Double(steps)).squareRoot(), "no fixed size: \(variance)")
        #expect(sizes.contains(0), "an empty lot is a lot")
        #expect(PrivateDescent.sample(5, 1, 3, stream) == [0, 1, 2, 3, 4])
        #expect(PrivateDescent.sample(40, 0.1, 7, stream) == PrivateDescent.sample(40, 0.1, 7, stream))
    }

    @Test("A step goes along the sum over its lot, divided by the expected size")
    func lots() throws {
        var client = TestClient(1)
        let data = try client.reference.dataset()
        let count = data.count
        let stream = secret.stream(purpose: "record", round: 0)
        let plain = configuration(2, batch: 3, rate: 0.2, momentum: 0, decay: 0)
        let steps = 2 * ((count + 2) / 3)
        let (found, statistics) = try train(
            data, from: TestClient.weights(TestClient.start), plain, privacy(clip: 1e9))
        #expect(statistics.sums[RecordPrivacy.stepsFigure] == Double(steps))
        var expected = TestClient.start
        var seen = Set<Int>()
        let whole = client.reference
        for step in 0..<steps {
            let lot = PrivateDescent.sample(count, 3 / Double(count), step, stream)
            seen.insert(lot.count)
            guard !lot.isEmpty else { continue }
            client.reference.inputs = lot.map { whole.inputs[$0] }
            client.reference.labels = lot.map { whole.labels[$0] }
            client.reference.parameters = expected
            // The reference's gradient is a mean over the lot.
            let slope = client.reference.gradient()
            for index in expected.indices { expected[index] -= 0.2 * slope[index] * Double(lot.count) / 3 }
        }
        #expect(seen.count > 1, "lots of several sizes")
        for (one, other) in try zip(TestClient.values(found), expected) { #expect(abs(one - other) < 1e-5) }
    }
}
