import Layers
import Tensors
import Testing
import Weights

/// Every layer against PyTorch: outputs, and gradients of inputs and parameters.
@Suite struct GoldenLayerTests {
    @Test func everyGoldenCaseIsTested() throws {
        let golden = try GoldenFile("layers")
        let names = Set(golden.names(after: "").compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(names == Set(layerCases.keys))
    }

    @Test(arguments: layerCases.keys.sorted())
    func agreesWithPyTorch(_ name: String) throws {
        let golden = try GoldenFile("layers")
        let layer = try #require(layerCases[name])
        let module = try layer.make(Initializer(seed: 1))
        // The module's own names must be PyTorch's: loading refuses anything else.
        try module.load(golden.weights(after: "\(name)/weights/"))

        var inputs: [String: Tensor] = [:]
        for key in golden.names(after: "\(name)/in/") {
            let tensor = try golden.tensor("\(name)/in/\(key)")
            if golden.contains("\(name)/grad/\(key)") { try tensor.requireGradient() }
            inputs[key] = tensor
        }
        let output = try layer.run(module, inputs)
        try expectClose(output, golden.tensor("\(name)/out"), "\(name): output")
        try output.backward(golden.tensor("\(name)/up"))
        for (key, tensor) in inputs where tensor.requiresGradient {
            try expectClose(
                #require(tensor.gradient), golden.tensor("\(name)/grad/\(key)"), "\(name): gradient of \(key)")
        }
        for (key, tensor) in module.parameters() {
            let expected = try golden.tensor("\(name)/weights-grad/\(key)")
            let gradient = try #require(tensor.gradient)
            // The bias behind a softmax over time cannot matter: both gradients are rounding errors around zero.
            if key == "att_fc2.bias" {
                #expect(try gradient.abs().max().item() < 1e-6 && expected.abs().max().item() < 1e-6)
            } else {
                try expectClose(gradient, expected, "\(name): gradient of \(key)")
            }
        }
    }

    @Test func trainsAsPyTorchDoes() throws {
        let golden = try GoldenFile("training")
        let initializer = Initializer(seed: 1)
        let model = try Sequential([
            Linear(inputs: 6, outputs: 16, initializer), ReLU(), Linear(inputs: 16, outputs: 4, initializer),
        ])
        try model.load(golden.weights(after: "start/"))
        let optimiser = try SGD(
            model.parameters().map(\.tensor),
            .init(learningRate: 0.1, momentum: 0.9, weightDecay: 0.001, clipNorm: 0.5))
        let context = ForwardContext.training(seed: 8)
        var losses: [Float] = []
        var norms: [Float] = []
        for step in 0..<12 {
            try optimiser.zeroGradients()
            let loss = try CrossEntropy.loss(
                model.forward(golden.tensor("x/\(step)"), context), golden.tensor("target/\(step)"))
            try loss.backward()
            losses.append(Float(try loss.item()))
            norms.append(Float(try optimiser.step()))
        }
        try expectClose(Tensor(losses), golden.tensor("losses"), "losses")
        try expectClose(Tensor(norms), golden.tensor("norms"), "norms")
        for (name, tensor) in model.parameters() {
            try expectClose(tensor, golden.tensor("end/\(name)"), "end of \(name)")
        }
    }
}
