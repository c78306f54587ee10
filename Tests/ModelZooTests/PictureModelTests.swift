import Layers
import ModelZoo
import Tensors
import Testing
import Weights

/// The convolutional and the fully connected network against PyTorch.
@Suite struct PictureModelTests {
    private static func tiny() throws -> PictureModel {
        var configuration = PictureModel.Configuration(shape: [2, 9, 8], classes: 3)
        configuration.filters = [3, 4]
        configuration.hidden = 5
        return try PictureModel(configuration, Initializer(seed: 0))
    }

    private func compare(_ model: any MultimodalModel, _ name: String, _ shape: [Int]) throws {
        let golden = try Golden("pictures")
        try Golden.fill(model, hidden: 1)
        let batch = ModelBatch(
            inputs: [try Tensor(Golden.input(name, shape), shape: shape)],
            labels: try Tensor(Golden.labels(count: 4, classes: 3)))
        let logits = try model.logits(batch, .evaluation())
        expectClose(try logits.floats(), try golden.floats("\(name)/logits"), 1e-5, "logits")
        let loss = try logits.crossEntropy(#require(batch.labels))
        expectClose([Float(try loss.item())], try golden.floats("\(name)/loss"), 1e-5, "loss")
        try loss.backward()
        for (key, tensor) in model.parameters() {
            let gradient = try #require(tensor.gradient, "\(key)")
            #expect(tensor.shape == (try golden.shape("\(name)/gradient.\(key)")), "\(key)")
            expectClose(try gradient.floats(), try golden.floats("\(name)/gradient.\(key)"), 1e-5, key)
        }
        let optimiser = try SGD(
            model.parameters().map(\.tensor),
            .init(learningRate: 0.1, momentum: 0.9, weightDecay: 1e-5, clipNorm: 0.5))
        try optimiser.step()
        expectClose(
            try model.logits(batch, .evaluation()).floats(), try golden.floats("\(name)/logits.after"), 1e-5, "after")
    }

    @Test func theConvolutionalNetworkIsPyTorchs() throws { try compare(Self.tiny(), "cnn", [4, 2, 9, 8]) }

    @Test func theFullyConnectedNetworkIsPyTorchs() throws {
        try compare(DenseModel(features: 12, hidden: [7, 5], classes: 3, Initializer(seed: 0)), "mlp", [4, 12])
    }

    /// Names, shapes and number of parameters of pfl-research's network for CIFAR-10, and Glorot's bounds.
    @Test func theBenchmarksSizesAreTheDefaults() throws {
        let model = try PictureModel(.init(shape: [3, 32, 32], classes: 10), Initializer(seed: 8))
        #expect(model.parameterCount == 1_626_442)
        let shapes = Dictionary(uniqueKeysWithValues: model.parameters().map { ($0.name, $0.tensor.shape) })
        #expect(
            shapes == [
                "1.weight": [32, 3, 3, 3], "1.bias": [32], "3.weight": [64, 32, 3, 3], "3.bias": [64],
                "8.weight": [128, 12_544], "8.bias": [128], "11.weight": [10, 128], "11.bias": [10],
            ])
        let weights = try model.weights()
        for (name, bound) in [
            ("1.weight", (6.0 / (9 * 35)).squareRoot()), ("11.weight", (6.0 / 138).squareRoot()),
            ("1.bias", 1 / 27.0.squareRoot()),
        ] {
            let largest = Double(try weights.floats(name).map { abs($0) }.max() ?? 0)
            #expect(largest <= bound * 1.000_001 && largest > 0.8 * bound, "\(name)")
        }
    }

    /// In training the masks of both dropout layers come from their streams: the same context gives the same scores.
    @Test func dropoutIsDrawnFromTheJobsSeed() throws {
        let model = try Self.tiny()
        let batch = ModelBatch(inputs: [try Tensor(Golden.input("cnn", [4, 2, 9, 8]), shape: [4, 2, 9, 8])])
        func scores(_ seed: UInt64) throws -> [Float] {
            try model.logits(batch, .training(seed: seed, round: 1, client: 2)).floats()
        }
        #expect(try scores(1) == scores(1))
        #expect(try scores(1) != scores(2))
        #expect(try scores(1) != model.logits(batch, .evaluation()).floats())
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let model = try Self.tiny()
        #expect(throws: TensorError.self) {
            try model.logits(ModelBatch(inputs: [Tensor.zeros([1, 2, 8, 9])]), .evaluation())
        }
        for shape in [[3, 32], [3, 5, 32], [0, 32, 32], [1024, 4096, 4096]] {
            #expect(throws: TensorError.self) {
                try PictureModel(.init(shape: shape, classes: 10), Initializer(seed: 0))
            }
        }
        for hidden in [[], [0], [1 << 20]] {
            #expect(throws: TensorError.self) {
                try DenseModel(features: 4, hidden: hidden, classes: 2, Initializer(seed: 0))
            }
        }
        let dense = try DenseModel(features: 4, hidden: [3], classes: 2, Initializer(seed: 0))
        #expect(throws: TensorError.self) {
            try dense.logits(ModelBatch(inputs: [Tensor.zeros([1, 5])]), .evaluation())
        }
    }
}
