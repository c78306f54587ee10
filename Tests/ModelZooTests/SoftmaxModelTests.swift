import Datasets
import Layers
import ModelZoo
import Tensors
import Testing
import Weights

@Suite struct SoftmaxModelTests {
    /// Three epochs of clipped SGD with momentum and weight decay, against NumPy in Float64.
    @Test func trainsLikeNumPy() throws {
        let golden = try Golden("softmax")
        let model = try SoftmaxModel(features: 12, classes: 3, Initializer(seed: 0))
        try model.load(
            Weights([
                (name: "weight", shape: [3, 12], values: golden.floats("weight")),
                (name: "bias", shape: [3], values: golden.floats("bias")),
            ]))
        let data = try MultimodalDataset(
            name: "golden", classes: ["a", "b", "c"], modalities: [Modality(name: "x", shape: [12])],
            values: [golden.floats("x")], labels: golden.integers("labels"))
        let optimiser = try SGD(
            model.parameters().map(\.tensor), .init(learningRate: 0.1, momentum: 0.9, weightDecay: 1e-5, clipNorm: 0.5))
        let order = try golden.integers("order")
        for epoch in 0..<3 {
            for start in stride(from: 0, to: 50, by: 8) {
                let rows = order[epoch * 50 + start..<epoch * 50 + min(start + 8, 50)]
                let batch = try ModelBatch(data.all.selecting(rows))
                try optimiser.zeroGradients()
                try model.logits(batch, .evaluation()).crossEntropy(#require(batch.labels)).backward()
                try optimiser.step()
            }
        }
        let trained = try model.weights()
        for name in ["weight", "bias"] {
            let found = try trained.floats(name)
            let expected = try golden.floats("\(name).after")
            #expect((zip(found, expected).map { abs($0 - $1) }.max() ?? 1) <= 1e-6, "\(name)")
        }
    }

    @Test func joinsModalitiesInOrder() throws {
        let model = try SoftmaxModel(features: 3, classes: 1, Initializer(seed: 0))
        try model.load(
            Weights([
                (name: "weight", shape: [1, 3], values: [1, 10, 100]), (name: "bias", shape: [1], values: [0.5]),
            ]))
        let batch = ModelBatch(inputs: [
            try Tensor([1, 2, 3, 4] as [Float], shape: [2, 2, 1]), try Tensor([5, 6] as [Float], shape: [2, 1]),
        ])
        #expect(try model.logits(batch, .evaluation()).floats() == [521.5, 643.5])
        #expect(throws: TensorError.self) {
            try model.logits(ModelBatch(inputs: [Tensor.zeros([2, 2])]), .evaluation())
        }
        #expect(throws: TensorError.self) { try SoftmaxModel(features: 0, classes: 2, Initializer(seed: 0)) }
    }
}
