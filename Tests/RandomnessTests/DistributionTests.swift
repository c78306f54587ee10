import Foundation
import Randomness
import Testing

@Suite("Draws")
struct DistributionTests {
    @Test("uniform numbers are in [0, 1) with the right moments")
    func uniform() {
        var stream = RandomStream(seed: 5, purpose: "uniform")
        let count = 20_000
        let values = (0..<count).map { _ in stream.uniform() }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        let mean = values.reduce(0, +) / Double(count)
        let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(count)
        #expect(abs(mean - 0.5) < 0.01)
        #expect(abs(variance - 1.0 / 12) < 0.002)
        let floats = (0..<count).map { _ in stream.uniformFloat() }
        #expect(floats.allSatisfy { $0 >= 0 && $0 < 1 })
    }

    @Test("filling is element for element the words from the next whole block on", arguments: [0, 1, 3, 4, 5, 31, 257])
    func fill(count: Int) {
        var stream = RandomStream(seed: 2, purpose: "fill", client: 1)
        _ = stream.nextUInt32()
        let filled = floats(count) { stream.fillUniform($0, low: -2, high: 3) }
        var words = RandomStream(seed: 2, purpose: "fill", client: 1)
        words.seek(toBlock: 1)
        let expected = (0..<count).map { _ in -2 + 5 * (Float(words.nextUInt32() >> 8) * 0x1p-24) }
        #expect(filled == expected)
        // The next draw starts a new block.
        words.seek(toBlock: UInt32(1 + (count + 3) / 4))
        #expect(stream.next() == words.next())
    }

    @Test("filling reaches the last block of a stream")
    func fillToTheEnd() {
        var stream = RandomStream(seed: 2, purpose: "fill")
        stream.seek(toBlock: .max - 5)
        var words = stream
        let filled = floats(24) { stream.fillUniform($0) }
        #expect(filled == (0..<24).map { _ in words.uniformFloat() })
    }

    @Test("the upper bound is never reached, not even by rounding")
    func fillBounds() {
        var stream = RandomStream(seed: 3, purpose: "bounds")
        let narrow = floats(5_000) { stream.fillUniform($0, low: 1, high: Float(1).nextUp) }
        #expect(narrow.allSatisfy { $0 == 1 })
        let tiny = floats(5_000) { stream.fillUniform($0, low: 16_777_216, high: 16_777_218) }
        #expect(tiny.allSatisfy { $0 == 16_777_216 })
        let single = floats(4) { stream.fillUniform($0, low: 7, high: 7) }
        #expect(single == [7, 7, 7, 7])
    }

    @Test("normal numbers have the right moments, alone and in blocks")
    func normal() {
        var stream = RandomStream(seed: 9, purpose: "normal")
        let count = 20_000
        let singles = (0..<count).map { _ in stream.normal() }
        let block = floats(count + 1) { stream.fillNormal($0, mean: 2, standardDeviation: 3) }
        #expect(moments(singles).isClose(0, 1))
        #expect(moments(block.map { (Double($0) - 2) / 3 }).isClose(0, 1))
        #expect((singles + block.map(Double.init)).allSatisfy { $0.isFinite })
        // A pair comes from one pair of uniforms.
        var normals = RandomStream(seed: 1, purpose: "pair")
        var uniforms = RandomStream(seed: 1, purpose: "pair")
        let radius = (-2 * log(1 - uniforms.uniform())).squareRoot()
        let angle = 2 * Double.pi * uniforms.uniform()
        #expect(normals.normal() == radius * cos(angle))
        #expect(normals.normal() == radius * sin(angle))
    }

    @Test("bounded integers are uniform and in range", arguments: [1, 2, 3, 7, 10])
    func below(bound: Int) {
        var stream = RandomStream(seed: 4, purpose: "below", layer: UInt32(bound))
        var counts = [Int](repeating: 0, count: bound)
        let draws = 7_000
        for _ in 0..<draws { counts[stream.below(bound)] += 1 }
        let expected = Double(draws) / Double(bound)
        // Chi square with at most 9 degrees of freedom: 35 is beyond the 0.9999 quantile.
        let chiSquare = counts.map { (Double($0) - expected) * (Double($0) - expected) / expected }.reduce(0, +)
        #expect(chiSquare < 35)
        #expect((0..<100).allSatisfy { _ in (0..<Int.max).contains(stream.below(.max)) })
    }

    @Test("a dropout mask keeps the given share, scaled")
    func dropout() {
        var stream = RandomStream(seed: 6, purpose: "dropout")
        let mask = floats(20_000) { stream.fillDropoutMask($0, keep: 0.8) }
        #expect(Set(mask) == [0, 1.25])
        let kept = Double(mask.count { $0 != 0 }) / 20_000
        #expect(abs(kept - 0.8) < 0.02)
        #expect(floats(100) { stream.fillDropoutMask($0, keep: 1) }.allSatisfy { $0 == 1 })
    }

    @Test("permutations are permutations, and every one of three comes up")
    func permutation() {
        var stream = RandomStream(seed: 8, purpose: "permutation")
        #expect(stream.permutation(count: 0).isEmpty)
        #expect(stream.permutation(count: 1) == [0])
        #expect(stream.permutation(count: 1_000).sorted() == Array(0..<1_000))
        var counts: [[Int]: Int] = [:]
        for _ in 0..<6_000 { counts[stream.permutation(count: 3), default: 0] += 1 }
        #expect(counts.count == 6)
        #expect(counts.values.allSatisfy { abs($0 - 1_000) < 150 })
        #expect(stream.shuffled(["a", "b", "c"]).sorted() == ["a", "b", "c"])
    }

    @Test("samples are different numbers, the same as a shuffle of an array would give")
    func sample() {
        for (count, population) in [(0, 0), (0, 5), (5, 5), (3, 10), (10, 1_000_000)] {
            var stream = RandomStream(seed: 10, purpose: "sample", client: UInt32(population))
            var same = stream
            let drawn = stream.sample(count: count, from: population)
            #expect(Set(drawn).count == count)
            #expect(drawn.allSatisfy { (0..<population).contains($0) })
            guard population <= 10 else { continue }
            var array = Array(0..<population)
            for index in 0..<count { array.swapAt(index, index + same.below(population - index)) }
            #expect(drawn == Array(array[..<count]))
        }
        var stream = RandomStream(seed: 10, purpose: "sample")
        #expect(Set(stream.sample(count: 2, from: ["a", "b"])) == ["a", "b"])
    }

    @Test("streams of different seed, purpose, round, client or layer differ")
    func independence() {
        let streams = [
            RandomStream(seed: 1, purpose: "a"), RandomStream(seed: 2, purpose: "a"),
            RandomStream(seed: 1, purpose: "b"), RandomStream(seed: 1, purpose: "a", round: 1),
            RandomStream(seed: 1, purpose: "a", client: 1), RandomStream(seed: 1, purpose: "a", layer: 1),
        ]
        let first = streams.map { stream -> UInt64 in
            var stream = stream
            return stream.next()
        }
        #expect(Set(first).count == streams.count)
    }

    private func floats(_ count: Int, _ body: (UnsafeMutableBufferPointer<Float>) -> Void) -> [Float] {
        var values = [Float](repeating: .nan, count: count)
        values.withUnsafeMutableBufferPointer { body($0) }
        return values
    }

    private struct Moments {
        let mean: Double
        let variance: Double
        func isClose(_ mean: Double, _ variance: Double) -> Bool {
            abs(self.mean - mean) < 0.03 && abs(self.variance - variance) < 0.05
        }
    }

    private func moments(_ values: [Double]) -> Moments {
        let mean = values.reduce(0, +) / Double(values.count)
        return Moments(
            mean: mean,
            variance: values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
        )
    }
}
