import Layers
import Randomness
import Tensors
import Testing
import Weights

/// Operations that are computed as one, against the same made of small operations: values, and gradients of everything.
@Suite struct FusedLayerTests {
    private static func drawn(_ shape: [Int], _ layer: UInt32, _ dtype: DType) throws -> Tensor {
        var stream = RandomStream(seed: 17, purpose: "fused", layer: layer)
        return try Tensor.uniform(shape, low: -1, high: 1, from: &stream, dtype: dtype)
    }

    /// Compares outputs and gradients of two ways to compute the same from the same leaves.
    private func compare(
        _ leaves: [(name: String, tensor: Tensor)], tolerance: Double, _ what: String,
        fused: () throws -> [Tensor], reference: () throws -> [Tensor]
    ) throws {
        func run(_ compute: () throws -> [Tensor]) throws -> (outputs: [Tensor], gradients: [Tensor]) {
            for leaf in leaves { try leaf.tensor.zeroGradient() }
            let outputs = try compute()
            var total = try Tensor.zeros([], dtype: leaves[0].tensor.dtype ?? .f32)
            for (index, output) in outputs.enumerated() {
                let weights = try Self.drawn(output.shape, UInt32(100 + index), output.dtype ?? .f32)
                total = try total + (output * weights).sum()
            }
            try total.backward()
            return (outputs, try leaves.map { try #require($0.tensor.gradient, "\(what): \($0.name)") })
        }
        let found = try run(fused)
        let expected = try run(reference)
        for (index, pair) in zip(found.outputs, expected.outputs).enumerated() {
            try expectClose(pair.0, pair.1, tolerance: tolerance, "\(what): output \(index)")
        }
        for (index, leaf) in leaves.enumerated() {
            try expectClose(
                found.gradients[index], expected.gradients[index], tolerance: tolerance,
                "\(what): gradient of \(leaf.name)")
        }
        // Without recording another path computes the same bits, and so does a second run.
        let plain = try noGrad { try fused() }
        let again = try run(fused)
        for index in plain.indices {
            #expect(try plain[index].doubles() == found.outputs[index].doubles(), "\(what)")
        }
        for index in leaves.indices {
            #expect(try again.gradients[index].doubles() == found.gradients[index].doubles(), "\(what)")
        }
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var batch: Int, steps: Int, inputs: Int, outputs: Int
        var lengths: [Int]?
        var total: Int?
        var hasInitial = false
        var hasBiases = true

        var testDescription: String { "\(self)" }
    }

    // MARK: GRU

    private static let sequences: [Shape] = [
        Shape(batch: 7, steps: 5, inputs: 3, outputs: 5),
        Shape(batch: 1, steps: 1, inputs: 1, outputs: 1, hasInitial: true),
        Shape(batch: 16, steps: 4, inputs: 20, outputs: 24, hasInitial: true),
        Shape(batch: 13, steps: 3, inputs: 17, outputs: 8, hasBiases: false),
        Shape(batch: 5, steps: 6, inputs: 4, outputs: 9, lengths: [6, 1, 3, 6, 2], hasInitial: true),
        Shape(batch: 14, steps: 7, inputs: 4, outputs: 16, lengths: (0..<14).map { 1 + $0 % 5 }),
        Shape(batch: 3, steps: 4, inputs: 2, outputs: 33, lengths: [2, 4, 1], total: 9),
    ]

    @Test(arguments: sequences, [DType.f32, .f64])
    func gruIsItsEquations(_ shape: Shape, _ dtype: DType) throws {
        let (h, d) = (shape.outputs, shape.inputs)
        let x = try Self.drawn([shape.batch, shape.steps, d], 1, dtype).requireGradient()
        let w = try Self.drawn([3 * h, d], 2, dtype).requireGradient()
        let u = try Self.drawn([3 * h, h], 3, dtype).requireGradient()
        let b = shape.hasBiases ? try Self.drawn([3 * h], 4, dtype).requireGradient() : nil
        let c = shape.hasBiases ? try Self.drawn([3 * h], 5, dtype).requireGradient() : nil
        let initial = shape.hasInitial ? try Self.drawn([1, shape.batch, h], 6, dtype).requireGradient() : nil
        var leaves = [(name: "x", tensor: x), (name: "w", tensor: w), (name: "u", tensor: u)]
        for (name, tensor) in [("b", b), ("c", c), ("initial", initial)] {
            if let tensor { leaves.append((name: name, tensor: tensor)) }
        }
        func reference() throws -> [Tensor] {
            var state = try initial?.squeezed(0) ?? Tensor.zeros([shape.batch, h], dtype: dtype)
            var states: [Tensor] = []
            func gate(_ from: Tensor, _ index: Int) throws -> Tensor {
                try from.slice(axis: 1, start: index * h, end: (index + 1) * h)
            }
            for t in 0..<(shape.lengths?.max() ?? shape.steps) {
                let i = try x.select(axis: 1, index: t).linear(weight: w, bias: b)
                let r = try state.linear(weight: u, bias: c)
                let reset = try (gate(i, 0) + gate(r, 0)).sigmoid()
                let update = try (gate(i, 1) + gate(r, 1)).sigmoid()
                let new = try (gate(i, 2) + reset * gate(r, 2)).tanh()
                let next = try (update - 1) * -new + update * state
                let isOver = try Tensor((shape.lengths ?? []).map { t >= $0 }, shape: [shape.lengths?.count ?? 0, 1])
                states.append(shape.lengths == nil ? next : try next.maskedFill(isOver, 0))
                state = shape.lengths == nil ? next : try state.selected(where: isOver, otherwise: next)
            }
            for _ in states.count..<(shape.total ?? states.count) {
                states.append(try Tensor.zeros([shape.batch, h], dtype: dtype))
            }
            return [try .stack(states, axis: 1), try state.unsqueezed(0)]
        }
        try compare(leaves, tolerance: dtype == .f64 ? 1e-13 : 2e-6, "gru") {
            let result = try x.gru(
                .init(inputWeight: w, hiddenWeight: u, inputBias: b, hiddenBias: c), initial: initial,
                lengths: shape.lengths, totalLength: shape.total)
            return [result.states, result.last]
        } reference: {
            try reference()
        }
    }

    /// Gates in 32-bit floats over their whole range, against the same in 64-bit floats.
    @Test func gatesAreExactFarOut() throws {
        let values = (-4000...4000).map { Float($0) / 40 } + [1e-6, -1e-6, 1e-3, 1e9, -1e9, 1e30, -1e30]
        func states(_ dtype: DType) throws -> [Double] {
            // One unit whose update gate is open: the state is tanh(x + r · 0.5) with r = σ(x).
            let parameters = try Tensor.GRUParameters(
                inputWeight: Tensor([1, 0, 1] as [Float], shape: [3, 1]).to(dtype),
                hiddenWeight: Tensor.zeros([3, 1], dtype: dtype),
                inputBias: Tensor([0, -1e4, 0] as [Float]).to(dtype),
                hiddenBias: Tensor([0, 0, 0.5] as [Float]).to(dtype))
            return try Tensor(values, shape: [values.count, 1, 1]).to(dtype).gru(parameters).states.doubles()
        }
        for (index, pair) in try zip(states(.f32), states(.f64)).enumerated() {
            #expect(abs(pair.0 - pair.1) <= 3e-7, "at \(values[index])")
        }
        let broken = try Tensor([.nan, 1] as [Float], shape: [1, 2, 1])
        let one = try Tensor.ones([3, 1])
        let states = try broken.gru(.init(inputWeight: one, hiddenWeight: one, inputBias: nil, hiddenBias: nil)).states
            .doubles()
        let isBroken = states.allSatisfy(\.isNaN)
        #expect(isBroken)
    }

    @Test func gruRefusesWhatDoesNotFit() throws {
        let x = try Tensor.zeros([2, 3, 4])
        let w = try Tensor.zeros([6, 4])
        let u = try Tensor.zeros([6, 2])
        for (weight, hidden, bias) in [
            (u, u, nil), (w, w, nil), (w, u, try Tensor.zeros([5])), (try w.to(.f64), u, nil),
        ] {
            #expect(throws: TensorError.self) {
                try x.gru(.init(inputWeight: weight, hiddenWeight: hidden, inputBias: bias, hiddenBias: bias))
            }
        }
        #expect(throws: TensorError.self) {
            try x.to(.i64).gru(.init(inputWeight: w, hiddenWeight: u, inputBias: nil, hiddenBias: nil))
        }
        #expect(throws: TensorError.self) {
            try x.gru(
                .init(inputWeight: w, hiddenWeight: u, inputBias: nil, hiddenBias: nil), initial: .zeros([1, 3, 2]))
        }
        #expect(throws: TensorError.self) {
            try x.gru(.init(inputWeight: w, hiddenWeight: u, inputBias: nil, hiddenBias: nil), lengths: [3, 4])
        }
    }

    // MARK: Convolution

    private static let convolutions: [Shape] = [
        Shape(batch: 1, steps: 2, inputs: 1, outputs: 1),
        Shape(batch: 3, steps: 11, inputs: 3, outputs: 5),
        Shape(batch: 2, steps: 9, inputs: 6, outputs: 18),
        Shape(batch: 4, steps: 16, inputs: 20, outputs: 32),
    ]

    @Test(arguments: convolutions, [DType.f32, .f64])
    func pooledConvolutionIsItsParts(_ shape: Shape, _ dtype: DType) throws {
        for (kernel, drops) in [(5, true), (3, false), (1, true)] {
            let x = try Self.drawn([shape.batch, shape.steps, shape.inputs], 1, dtype).requireGradient()
            let weight = try Self.drawn([shape.outputs, shape.inputs, kernel], 2, dtype).requireGradient()
            let bias = try Self.drawn([shape.outputs], 3, dtype).requireGradient()
            var stream = RandomStream(seed: 1, purpose: "dropout")
            let mask =
                drops
                ? try Tensor.dropoutMask(
                    [shape.batch, shape.outputs, shape.steps / 2], keep: 0.8, from: &stream, dtype: dtype) : nil
            try compare(
                [(name: "x", tensor: x), (name: "weight", tensor: weight), (name: "bias", tensor: bias)],
                tolerance: dtype == .f64 ? 1e-13 : 2e-6, "kernel \(kernel)"
            ) {
                [try x.pooledConvolution(weight: weight, bias: bias, mask: mask)]
            } reference: {
                let sums = try x.transposed(1, 2).conv1d(weight: weight, bias: bias, padding: kernel / 2)
                let pooled = try sums.relu().maxPool1d(kernel: 2)
                return [try (mask.map { mask throws(TensorError) in try pooled * mask } ?? pooled).transposed(1, 2)]
            }
        }
    }

    /// Of equal maxima the first gets the gradient, as in PyTorch; what is not a number stays so.
    @Test func pooledConvolutionTreatsTiesAndNaNAsPyTorchDoes() throws {
        let x = try Tensor([2, 2, -1, -1, .nan, 1, 1, .nan] as [Float], shape: [1, 8, 1]).requireGradient()
        let one = try Tensor.ones([1, 1, 1])
        let pooled = try x.pooledConvolution(weight: one, bias: Tensor.zeros([1]))
        let values = try pooled.floats()
        #expect(values[0] == 2 && values[1] == 0 && values[2].isNaN && values[3].isNaN)
        try pooled.slice(axis: 1, start: 0, end: 2).sum().backward()
        #expect(try x.gradient?.floats().prefix(4) == [1, 0, 0, 0])
    }

    @Test func pooledConvolutionRefusesWhatDoesNotFit() throws {
        let x = try Tensor.zeros([2, 6, 3])
        let (weight, bias) = (try Tensor.zeros([4, 3, 5]), try Tensor.zeros([4]))
        #expect(try x.pooledConvolution(weight: weight, bias: bias).shape == [2, 3, 4])
        let wrong: [(Tensor, Tensor, Tensor, Tensor?)] = [
            (try .zeros([2, 1, 3]), weight, bias, nil), (try .zeros([6, 3]), weight, bias, nil),
            (x, try .zeros([4, 3, 4]), bias, nil), (x, try .zeros([4, 2, 5]), bias, nil),
            (x, weight, try .zeros([3]), nil), (x, try weight.to(.f64), bias, nil),
            (try x.to(.i64), weight, bias, nil), (x, weight, bias, try .zeros([2, 3, 4])),
        ]
        for (x, weight, bias, mask) in wrong {
            #expect(throws: TensorError.self) { try x.pooledConvolution(weight: weight, bias: bias, mask: mask) }
        }
    }

    // MARK: Attention

    @Test(arguments: [(3, 11, 5, 7, 3), (2, 200, 17, 20, 6), (5, 32, 16, 33, 2), (1, 1, 1, 1, 1)], [DType.f32, .f64])
    func attentionIsItsParts(_ shape: (Int, Int, Int, Int, Int), _ dtype: DType) throws {
        let (batch, steps, features, attention, heads) = shape
        let x = try Self.drawn([batch, steps, features], 1, dtype).requireGradient()
        let first = try Self.drawn([attention, features], 2, dtype).requireGradient()
        let firstBias = try Self.drawn([attention], 3, dtype).requireGradient()
        let second = try Self.drawn([heads, attention], 4, dtype).requireGradient()
        let secondBias = try Self.drawn([heads], 5, dtype).requireGradient()
        // The last bias does not matter: its gradient is what rounding leaves of zero.
        let leaves = [
            (name: "x", tensor: x), (name: "w1", tensor: first), (name: "b1", tensor: firstBias),
            (name: "w2", tensor: second),
        ]
        let masks = [
            nil, try Self.drawn([batch, steps], 6, .f32).less(0),
            try Self.drawn([batch, heads, steps], 7, .f32).less(0),
            try Tensor.ones([batch, steps]).to(.bool),
        ]
        for (index, masked) in masks.enumerated() {
            // With everything masked the scores' gradients are zero, not rounded zeros.
            let tolerance = dtype == .f64 ? 1e-12 : 4e-6
            try compare(leaves, tolerance: tolerance, "mask \(index)") {
                [
                    try x.additiveAttention(
                        .init(firstWeight: first, firstBias: firstBias, secondWeight: second, secondBias: secondBias),
                        masked: masked, maskedScore: -1e5)
                ]
            } reference: {
                var scores = try x.linear(weight: first, bias: firstBias).tanh()
                    .linear(weight: second, bias: secondBias).transposed(1, 2)
                if let masked {
                    scores = try scores.maskedFill(masked.rank == 2 ? masked.unsqueezed(1) : masked, -1e5)
                }
                return [try scores.softmax(axis: 2).matmul(x)]
            }
            let bias = try #require(secondBias.gradient).doubles()
            #expect(bias.allSatisfy { abs($0) < (dtype == .f64 ? 1e-12 : 1e-4) })
        }
    }

    @Test func attentionRefusesWhatDoesNotFit() throws {
        let x = try Tensor.zeros([2, 6, 3])
        let fits = Tensor.AttentionParameters(
            firstWeight: try .zeros([4, 3]), firstBias: try .zeros([4]), secondWeight: try .zeros([5, 4]),
            secondBias: try .zeros([5]))
        #expect(try x.additiveAttention(fits, maskedScore: -1).shape == [2, 5, 3])
        var wrong: [(Tensor, Tensor.AttentionParameters, Tensor?)] = [
            (try x.to(.i64), fits, nil), (try .zeros([2, 3]), fits, nil), (x, fits, try .zeros([2, 6])),
            (x, fits, try Tensor.zeros([2, 5]).to(.bool)),
        ]
        for change: (inout Tensor.AttentionParameters) throws -> Void in [
            { $0.firstWeight = try .zeros([4, 2]) }, { $0.firstBias = try .zeros([3]) },
            { $0.secondWeight = try .zeros([5, 3]) }, { $0.secondBias = try .zeros([5], dtype: .f64) },
        ] {
            var parameters = fits
            try change(&parameters)
            wrong.append((x, parameters, nil))
        }
        for (x, parameters, masked) in wrong {
            #expect(throws: TensorError.self) { try x.additiveAttention(parameters, masked: masked, maskedScore: -1) }
        }
    }
}
