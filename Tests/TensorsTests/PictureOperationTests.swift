import Randomness
import Tensors
import Testing
import Weights

/// Convolution and pooling of pictures against plain loops.
@Suite struct PictureOperationTests {
    private static func drawn(_ shape: [Int], _ layer: UInt32) throws -> Tensor {
        var stream = RandomStream(seed: 23, purpose: "pictures", layer: layer)
        return try Tensor.uniform(shape, low: -1, high: 1, from: &stream, dtype: .f64)
    }

    @Test(arguments: [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1)])
    func convolutionIsItsSum(stride: Int, padding: Int, dilation: Int, groups: Int) throws {
        let (batch, inputs, outputs, rows, columns, kernel) = (2, 4, 6, 7, 8, 3)
        let x = try Self.drawn([batch, inputs, rows, columns], 1)
        let w = try Self.drawn([outputs, inputs / groups, kernel, kernel], 2)
        let b = try Self.drawn([outputs], 3)
        let found = try x.conv2d(
            weight: w, bias: b, stride: stride, padding: padding, dilation: dilation, groups: groups)
        let (xs, ws, bs) = (try x.doubles(), try w.doubles(), try b.doubles())
        let high = (rows + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
        let wide = (columns + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1
        #expect(found.shape == [batch, outputs, high, wide])
        let values = try found.doubles()
        for place in values.indices {
            let (s, r) = (place % wide, place / wide % high)
            let (o, n) = (place / wide / high % outputs, place / wide / high / outputs)
            var sum = bs[o]
            for i in 0..<inputs / groups {
                for k in 0..<kernel {
                    for l in 0..<kernel {
                        let (row, column) = (r * stride + k * dilation - padding, s * stride + l * dilation - padding)
                        guard (0..<rows).contains(row), (0..<columns).contains(column) else { continue }
                        let channel = o / (outputs / groups) * (inputs / groups) + i
                        sum +=
                            ws[((o * (inputs / groups) + i) * kernel + k) * kernel + l]
                            * xs[((n * inputs + channel) * rows + row) * columns + column]
                    }
                }
            }
            #expect(abs(values[place] - sum) < 1e-12, "at \(place)")
        }
    }

    @Test func poolingTakesTheLargestOfEachWindow() throws {
        let values: [Float] = (0..<24).map { Float(($0 * 7) % 24) }
        let x = try Tensor(values, shape: [1, 1, 4, 6])
        var expected: [Float] = []
        for row in [0, 2] {
            for column in [0, 2, 4] {
                let first = row * 6 + column
                let window: [Float] = [values[first], values[first + 1], values[first + 6], values[first + 7]]
                expected.append(window.max() ?? 0)
            }
        }
        #expect(try x.maxPool2d(kernel: 2).floats() == expected)
        #expect(try x.maxPool2d(kernel: 3, stride: 2, padding: 1).shape == [1, 1, 2, 3])
        #expect(throws: TensorError.self) { try x.maxPool2d(kernel: 0) }
        #expect(throws: TensorError.self) { try x.conv2d(weight: Tensor.zeros([2, 3, 3, 3])) }
    }
}
