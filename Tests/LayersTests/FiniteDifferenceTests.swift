import Layers
import Randomness
import Tensors
import Testing
import Weights

/// Gradients in 64-bit floats against central differences of the layer itself: independent of PyTorch's values.
@Suite struct FiniteDifferenceTests {
    /// Sum of outputs under fixed weights, so that no gradient cancels.
    private func objective(_ output: Tensor) throws -> Tensor {
        var stream = RandomStream(seed: 3, purpose: "objective")
        return try (output * Tensor.uniform(output.shape, low: 0.5, high: 1.5, from: &stream, dtype: .f64)).sum()
    }

    /// Compares the gradient of `tensor` with (f(x + h) − f(x − h)) / 2h at up to 40 of its elements.
    private func check(_ tensor: Tensor, _ what: String, _ value: () throws -> Tensor) throws {
        try tensor.zeroGradient()
        try value().backward()
        let gradient = try #require(tensor.gradient).doubles()
        let flat = try tensor.detached().reshaped([-1])
        let step = 1e-5
        let scale = gradient.reduce(1e-3) { max($0, abs($1)) }
        for index in stride(from: 0, to: gradient.count, by: max(1, gradient.count / 40)) {
            let place = try flat.slice(axis: 0, start: index, end: index + 1)
            let before = try place.item()
            try place.fill(before + step)
            let above = try noGrad { try value().item() }
            try place.fill(before - step)
            let below = try noGrad { try value().item() }
            try place.fill(before)
            let difference = (above - below) / (2 * step)
            #expect(abs(difference - gradient[index]) <= 1e-7 * max(1, scale), "\(what)[\(index)]")
        }
    }

    @Test(arguments: layerCases.keys.sorted())
    func gradientsAreDifferences(_ name: String) throws {
        let golden = try GoldenFile("layers")
        let layer = try #require(layerCases[name])
        let module = try layer.make(Initializer(seed: 5, dtype: .f64))
        var inputs: [String: Tensor] = [:]
        for key in golden.names(after: "\(name)/in/") {
            let tensor = try golden.tensor("\(name)/in/\(key)")
            inputs[key] = tensor.dtype == .f32 ? try tensor.to(.f64).requireGradient() : tensor
        }
        let value = { try objective(layer.run(module, inputs)) }
        for (key, tensor) in inputs where tensor.requiresGradient {
            try check(tensor, "\(name): \(key)", value)
        }
        for (key, tensor) in module.parameters() {
            try check(tensor, "\(name): \(key)", value)
        }
    }

    @Test func dropoutPassesTheGradientWhereItPassesTheValue() throws {
        let dropout = try Dropout(probability: 0.4, layer: 2)
        var stream = RandomStream(seed: 3, purpose: "input")
        let x = try Tensor.uniform([6, 7], low: -1, high: 1, from: &stream, dtype: .f64).requireGradient()
        // A new context for every evaluation draws the same mask.
        try check(x, "dropout") { try objective(dropout.forward(x, .training(seed: 9, round: 1, client: 4))) }
    }
}
