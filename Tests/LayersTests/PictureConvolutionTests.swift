import Randomness
import Tensors
import Testing
import Weights

/// The convolution of pictures that is computed as one, against the same made of small operations.
@Suite struct PictureConvolutionTests {
    private static func drawn(_ shape: [Int], _ layer: UInt32, _ dtype: DType) throws -> Tensor {
        var stream = RandomStream(seed: 19, purpose: "picture", layer: layer)
        return try Tensor.uniform(shape, low: -1, high: 1, from: &stream, dtype: dtype)
    }

    struct Shape: Sendable, CustomTestStringConvertible {
        var batch: Int, rows: Int, columns: Int, inputs: Int, outputs: Int, kernel: Int

        var testDescription: String { "\(self)" }
    }

    /// Few channels, whose windows are gathered, and many, whose windows are not; odd and even sizes.
    private static let shapes = [
        Shape(batch: 1, rows: 2, columns: 2, inputs: 1, outputs: 1, kernel: 1),
        Shape(batch: 3, rows: 7, columns: 8, inputs: 3, outputs: 5, kernel: 3),
        Shape(batch: 2, rows: 9, columns: 6, inputs: 24, outputs: 18, kernel: 3),
        Shape(batch: 2, rows: 6, columns: 7, inputs: 70, outputs: 33, kernel: 1),
        Shape(batch: 2, rows: 8, columns: 9, inputs: 20, outputs: 16, kernel: 5),
    ]

    @Test(arguments: shapes, [DType.f32, .f64])
    func isItsParts(_ shape: Shape, _ dtype: DType) throws {
        let x = try Self.drawn([shape.batch, shape.rows, shape.columns, shape.inputs], 1, dtype).requireGradient()
        let weight = try Self.drawn([shape.outputs, shape.inputs, shape.kernel, shape.kernel], 2, dtype)
            .requireGradient()
        let bias = try Self.drawn([shape.outputs], 3, dtype).requireGradient()
        let (high, wide) = (shape.rows - shape.kernel + 1, shape.columns - shape.kernel + 1)
        var stream = RandomStream(seed: 1, purpose: "dropout")
        let mask = try Tensor.dropoutMask(
            [shape.batch, shape.outputs, high / 2, wide / 2], keep: 0.8, from: &stream, dtype: dtype)
        let tolerance = dtype == .f64 ? 1e-12 : 1e-5
        for (pools, mask) in [(false, nil), (true, nil), (true, mask)] {
            func run(_ body: () throws -> Tensor) throws -> [[Double]] {
                for leaf in [x, weight, bias] { try leaf.zeroGradient() }
                let result = try body()
                try (result * Self.drawn(result.shape, 9, dtype)).sum().backward()
                return [try result.doubles()] + (try [x, weight, bias].map { try #require($0.gradient).doubles() })
            }
            let found = try run { try x.pictureConvolution(weight: weight, bias: bias, pools: pools, mask: mask) }
            let expected = try run {
                let sums = try x.permuted([0, 3, 1, 2]).conv2d(weight: weight, bias: bias).relu()
                guard pools else { return try sums.permuted([0, 2, 3, 1]).contiguous() }
                let pooled = try sums.maxPool2d(kernel: 2)
                return try mask.map { mask throws(TensorError) in try pooled * mask } ?? pooled
            }
            for (index, (own, reference)) in zip(found, expected).enumerated() {
                let scale = reference.map { abs($0) }.max() ?? 0
                let worst = zip(own, reference).map { abs($0 - $1) }.max() ?? 1
                #expect(own.count == reference.count && worst <= tolerance * max(1, scale), "\(pools) \(index)")
            }
            // Without recording another path computes the same bits, and a picture's result does not depend on its batch.
            let plain = try noGrad { () throws(TensorError) in
                try x.pictureConvolution(weight: weight, bias: bias, pools: pools, mask: mask)
            }
            #expect(try plain.doubles() == found[0])
            let alone = try noGrad { () throws(TensorError) in
                try x.slice(axis: 0, start: shape.batch - 1, end: shape.batch).pictureConvolution(
                    weight: weight, bias: bias, pools: pools, mask: mask?.slice(axis: 0, start: shape.batch - 1))
            }
            #expect(try alone.doubles() == Array(found[0].suffix(alone.count)))
        }
    }

    /// Of equal maxima the first gets the gradient, as in PyTorch; what is not a number stays so.
    @Test func tiesAndNaNAreAsInPyTorch() throws {
        let x = try Tensor([2, 2, -1, -1, 2, 2, .nan, 1] as [Float], shape: [1, 2, 4, 1]).requireGradient()
        let pooled = try x.pictureConvolution(
            weight: Tensor.ones([1, 1, 1, 1]), bias: Tensor.zeros([1]), pools: true)
        let values = try pooled.floats()
        #expect(values[0] == 2 && values[1].isNaN)
        try pooled.slice(axis: 3, start: 0, end: 1).sum().backward()
        #expect(try x.gradient?.floats() == [1, 0, 0, 0, 0, 0, 0, 0])
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let x = try Tensor.zeros([2, 6, 6, 3])
        let (weight, bias) = (try Tensor.zeros([4, 3, 3, 3]), try Tensor.zeros([4]))
        #expect(try x.pictureConvolution(weight: weight, bias: bias, pools: false).shape == [2, 4, 4, 4])
        #expect(try x.pictureConvolution(weight: weight, bias: bias, pools: true).shape == [2, 4, 2, 2])
        let wrong: [(Tensor, Tensor, Tensor, Bool, Tensor?)] = [
            (try .zeros([6, 6, 3]), weight, bias, false, nil), (try .zeros([2, 2, 6, 3]), weight, bias, false, nil),
            (try .zeros([2, 3, 3, 3]), weight, bias, true, nil), (x, try .zeros([4, 2, 3, 3]), bias, false, nil),
            (x, try .zeros([4, 3, 3]), bias, false, nil), (x, weight, try .zeros([3]), false, nil),
            (x, try weight.to(.f64), bias, false, nil), (try x.to(.i64), weight, bias, false, nil),
            (x, weight, bias, true, try .zeros([2, 4, 2, 1])), (x, weight, bias, false, try .zeros([2, 4, 2, 2])),
        ]
        for (x, weight, bias, pools, mask) in wrong {
            #expect(throws: TensorError.self) {
                try x.pictureConvolution(weight: weight, bias: bias, pools: pools, mask: mask)
            }
        }
    }
}
