import Testing
import Weights

@Suite("Weights")
struct WeightsTests {
    @Test("copies share nothing that changes")
    func valueSemantics() throws {
        var first = try Weights([(name: "a", shape: [2], values: [1, 2]), (name: "b", shape: [], values: [3])])
        let second = first
        let tensor = try #require(first["a"])
        try first.withMutableFloats("a") { $0[0] = 9 }
        #expect(try first.floats("a") == [9, 2])
        #expect(try second.floats("a") == [1, 2])
        #expect(try tensor.floats() == [1, 2])
        #expect(tensor.bytes.count == 8)
        #expect(first != second)
        try first.setFloats("a", [1, 2])
        #expect(first == second)
    }

    @Test("every tensor is aligned, the block to 64 bytes")
    func alignment() throws {
        let weights = try Fixtures.all()
        weights.withUnsafeBytes { #expect(Int(bitPattern: $0.baseAddress) % 64 == 0) }
        #expect(Weights(zeros: try WeightsSchema([])).withUnsafeBytes { $0.count } == 0)
    }

    @Test("wrong names, sizes and types are errors")
    func errors() throws {
        var weights = try Fixtures.all()
        expect(.unknownTensor) { _ = try weights.floats("none") }
        #expect(weights["none"] == nil)
        expect(.unsuitableDType) { _ = try weights.floats("count") }
        expect(.unsuitableDType) { try weights.withFloats("double") { _ in } }
        expect(.unsuitableDType) { try weights.withMutableFloats("half") { _ in } }
        expect(.byteCountMismatch) { try weights.setFloats("half", [1]) }
        expect(.byteCountMismatch) { _ = try Weights(schema: weights.schema, bytes: [1, 2, 3]) }
        expect(.byteCountMismatch) { _ = try Weights([(name: "a", shape: [2], values: [1])]) }
        expect(.duplicateName) {
            _ = try Weights([(name: "a", shape: [], values: [1]), (name: "a", shape: [], values: [1])])
        }
        #expect(try weights.integers("count") == [7])
        expect(.unsuitableDType) { _ = try weights.integers("half") }
    }

    /// For each float type a value that it holds and the expected results.
    static let types: [DType] = [.f32, .f64, .f16, .bf16]

    private func single(_ dtype: DType, _ values: [Float], _ name: String = "x") throws -> Weights {
        var weights = Weights(
            zeros: try WeightsSchema([TensorSpec(name: name, dtype: dtype, shape: [values.count])]))
        try weights.setFloats(name, values)
        return weights
    }

    @Test("axpy, scale, difference and norm work for every float type", arguments: types)
    func arithmetic(dtype: DType) throws {
        // More than one block of scratch memory, with a remainder.
        let count = 10_001
        let left = (0..<count).map { Float($0 % 17) - 8 }
        let right = (0..<count).map { Float($0 % 5) }
        var sum = try single(dtype, left)
        try sum.axpy(0.5, try single(dtype, right))
        #expect(try sum.floats("x") == zip(left, right).map { $0 + 0.5 * $1 })
        let difference = try single(dtype, left).difference(single(dtype, right))
        #expect(try difference.floats("x") == zip(left, right).map { $0 - $1 })
        var scaled = try single(dtype, left)
        try scaled.scale(by: -2)
        #expect(try scaled.floats("x") == left.map { $0 * -2 })
        let squares = left.map { Double($0) * Double($0) }.reduce(0, +)
        #expect(try single(dtype, left).norm == squares.squareRoot())
        #expect(scaled.schema.tensors[0].dtype == dtype)
    }

    @Test("operands may be of different float types")
    func mixed() throws {
        for own in Self.types {
            for other in Self.types {
                var weights = try single(own, [1, 2, 3])
                try weights.axpy(2, single(other, [0.5, -1, 0]))
                #expect(try weights.floats("x") == [2, 0, 3])
            }
        }
        var same = try single(.f32, [1, 2])
        try same.axpy(1, same)
        #expect(try same.floats("x") == [2, 4])
    }

    @Test("arithmetic is done in Float64 and rounded once")
    func rounding() throws {
        var weights = try single(.f32, [0x1p24])
        try weights.axpy(0x1p-25, single(.f32, [0x1p25]))
        // In Float32, 2^24 + 1 rounds to even, 2^24.
        #expect(try weights.floats("x") == [0x1p24])
        try weights.axpy(1.0 / 3, single(.f32, [10]))
        #expect(try weights.floats("x") == [Float(0x1p24 + 10 * (1.0 / 3))])
    }

    @Test("integers and different shapes are refused and nothing changes")
    func refused() throws {
        var all = try Fixtures.all()
        let before = all
        expect(.unsuitableDType) { try all.axpy(1, before) }
        expect(.unsuitableDType) { try all.scale(by: 2) }
        expect(.unsuitableDType) { _ = try all.difference(before) }
        #expect(all == before)
        var one = try single(.f32, [1, 2])
        expect(.schemaMismatch) { try one.axpy(1, single(.f32, [1])) }
        expect(.schemaMismatch) { try one.axpy(1, single(.f32, [1, 2], "y")) }
        #expect(try one.floats("x") == [1, 2])
    }

    @Test("an update applied to its base gives the new weights")
    func update() throws {
        let base = try Fixtures.all()
        var trained = base
        try trained.setFloats("half", [1, 2, 3, 4, 5])
        try trained.setFloats("double", [0.5, 0, 0, 0])
        try trained.withUnsafeMutableBytes(of: "count") { $0[0] = 42 }
        let update = try trained.update(from: base)
        #expect(update.schema == (try base.schema.updateSchema()))
        #expect(try update.integers("count") == [42])
        #expect(try update.floats("layer.bias") == [0, 0, 0])
        #expect(try base.applying(update: update) == trained)
        #expect(try base.applying(update: base.update(from: base)) == base)
        expect(.schemaMismatch) { _ = try base.applying(update: base) }
        expect(.schemaMismatch) { _ = try base.update(from: update) }
    }

    @Test("NaN and infinity are found wherever they stand", arguments: types)
    func finite(dtype: DType) throws {
        #expect(try single(dtype, [Float](repeating: 1, count: 5_000)).allFinite)
        for (position, value) in [(0, Float.nan), (4_095, .infinity), (4_096, -.infinity), (4_999, .nan)] {
            var values = [Float](repeating: -65_504, count: 5_000)
            values[position] = value
            let weights = try single(dtype, values)
            #expect(!weights.allFinite)
            #expect(!weights.norm.isFinite)
        }
        #expect(try Fixtures.all().allFinite)
    }

    @Test("equality is of bits")
    func equality() throws {
        #expect(try single(.f32, [.nan]) == single(.f32, [.nan]))
        #expect(try single(.f32, [0]) != single(.f32, [-0.0]))
        #expect(try single(.f32, [0]) != single(.f64, [0]))
    }
}
