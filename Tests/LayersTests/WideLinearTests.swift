import Randomness
import Tensors
import Testing
import Weights

/// Linear layers with a large weight and few rows have products of their own; here against a plain product.
@Suite struct WideLinearTests {
    private static func drawn(_ shape: [Int], _ layer: UInt32, _ dtype: DType) throws -> Tensor {
        var stream = RandomStream(seed: 29, purpose: "wide", layer: layer)
        return try Tensor.uniform(shape, low: -1, high: 1, from: &stream, dtype: dtype)
    }

    /// Rows up to 64 and inputs in sixteens go the new way, the last two cases the old one.
    @Test(
        arguments: [(1, 4096, 16), (10, 2048, 37), (64, 1040, 64), (65, 1024, 64), (3, 4100, 17)], [DType.f32, .f64])
    func isItsProduct(_ size: (rows: Int, inputs: Int, outputs: Int), _ dtype: DType) throws {
        let x = try Self.drawn([size.rows, size.inputs], 1, dtype).requireGradient()
        let w = try Self.drawn([size.outputs, size.inputs], 2, dtype).requireGradient()
        let b = try Self.drawn([size.outputs], 3, dtype).requireGradient()
        let factors = try Self.drawn([size.rows, size.outputs], 4, dtype)
        func run(_ body: () throws -> Tensor) throws -> [[Double]] {
            for leaf in [x, w, b] { try leaf.zeroGradient() }
            let result = try body()
            try (result * factors).sum().backward()
            return [try result.doubles()] + (try [x, w, b].map { try #require($0.gradient).doubles() })
        }
        let found = try run { try x.linear(weight: w, bias: b) }
        let expected = try run { try x.matmul(w.transposed(0, 1)) + b }
        for (own, reference) in zip(found, expected) {
            let scale = reference.map { abs($0) }.max() ?? 0
            let worst = zip(own, reference).map { abs($0 - $1) }.max() ?? 1
            #expect(own.count == reference.count && worst <= (dtype == .f64 ? 1e-13 : 2e-6) * scale)
        }
        let plain = try noGrad { () throws(TensorError) in try x.linear(weight: w, bias: b) }
        #expect(try plain.doubles() == found[0])
        let again = try run { try x.linear(weight: w, bias: b) }
        #expect(again == found)
    }

    @Test func whatDoesNotFitIsRefused() throws {
        let x = try Tensor.zeros([2, 4096])
        for (weight, bias) in [
            (try Tensor.zeros([16, 4112]), try Tensor.zeros([16])), (try .zeros([16, 4096]), try .zeros([15])),
        ] {
            #expect(throws: TensorError.self) { try x.linear(weight: weight, bias: bias) }
        }
    }
}
