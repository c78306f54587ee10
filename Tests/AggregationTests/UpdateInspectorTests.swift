import Testing
import Weights

@testable import Aggregation

@Suite("Update inspection")
struct UpdateInspectorTests {
    private func update(_ seed: UInt64 = 1) throws -> Weights {
        var generator = TestGenerator(state: seed)
        return try Fixtures.random(Fixtures.schema().updateSchema(), &generator)
    }

    private func inspect(
        _ bytes: [UInt8],
        _ expected: WeightsSchema,
        pieces: (Int) -> Int = { $0 }
    ) throws -> UpdateStatistics {
        var inspector = UpdateInspector(expected: expected)
        var position = 0
        while position < bytes.count {
            let end = min(position + max(1, pieces(bytes.count)), bytes.count)
            try inspector.consume(Array(bytes[position..<end]))
            position = end
        }
        #expect(inspector.bytesSeen == bytes.count)
        return try inspector.finish()
    }

    @Test("a sound update passes, and its norm does not depend on where the bytes are cut")
    func cuts() throws {
        let update = try update()
        let bytes = Safetensors.encode(update, metadata: ["client": "x"])
        let whole = try inspect(bytes, update.schema)
        #expect(abs(whole.norm - update.norm) <= 1e-12 * update.norm)
        #expect(whole.bytes == bytes.count)
        #expect(bytes.count <= UpdateInspector.sizeLimit(update.schema))
        var generator = TestGenerator(state: 2)
        for size in [1, 2, 3, 7, 8, 9, 64, 1_000] {
            #expect(try inspect(bytes, update.schema, pieces: { _ in size }) == whole)
            let random = try inspect(bytes, update.schema) { _ in Int.random(in: 1...size, using: &generator) }
            #expect(random == whole)
        }
    }

    @Test("tensors larger than a block")
    func large() throws {
        let values = (0..<50_000).map { Float($0 % 1_001) - 500 }
        let update = try Weights([
            (name: "a", shape: [50_000], values: values), (name: "b", shape: [2], values: [3, 4]),
        ])
        let bytes = Safetensors.encode(update)
        let whole = try inspect(bytes, update.schema)
        #expect(abs(whole.norm - update.norm) <= 1e-12 * update.norm)
        for size in [4_097, 65_535, 65_536, 100_000] {
            #expect(try inspect(bytes, update.schema, pieces: { _ in size }) == whole)
        }
        for position in [0, 16_383, 16_384, 49_999] {
            var bad = update
            try bad.withMutableFloats("a") { $0[position] = position % 2 == 0 ? .nan : .infinity }
            let message = expect(.notFinite) { _ = try inspect(Safetensors.encode(bad), update.schema) }
            #expect(message.contains("'a'"))
        }
    }

    @Test("each way in which names, shapes and dtypes differ has its reason")
    func schema() throws {
        let expected = try update().schema
        let changes: [(AggregationError.Code, [TensorSpec])] = try [
            (.missingTensor, Array(expected.tensors.dropLast())),
            (.unexpectedTensor, expected.tensors + [TensorSpec(name: "zz", dtype: .u8, shape: [])]),
            (
                .shapeMismatch,
                expected.tensors.map { try TensorSpec(name: $0.name, dtype: $0.dtype, shape: [1] + $0.shape) }
            ),
            (
                .dtypeMismatch,
                expected.tensors.map {
                    try TensorSpec(name: $0.name, dtype: $0.dtype == .f32 ? .f16 : $0.dtype, shape: $0.shape)
                }
            ),
        ]
        for (code, specs) in changes {
            let bytes = Safetensors.encode(Weights(zeros: try WeightsSchema(specs)))
            expect(code) { _ = try inspect(bytes, expected, pieces: { _ in 5 }) }
        }
        // The refusal comes with the header, before any data.
        let wrong = Safetensors.canonicalHeader(try WeightsSchema(changes[0].1))
        var inspector = UpdateInspector(expected: expected)
        expect(.missingTensor) { try inspector.consume(wrong) }
        expect(.incomplete) { try inspector.consume([1]) }
        expect(.incomplete) { _ = try inspector.finish() }
    }

    @Test("too short, too long and malformed streams")
    func streams() throws {
        let update = try update()
        let bytes = Safetensors.encode(update)
        for count in [0, 1, 7, 8, 9, 100, bytes.count - 1] {
            expect(.incomplete) { _ = try inspect(Array(bytes[..<count]), update.schema) }
        }
        expect(.tooLong) { _ = try inspect(bytes + [0], update.schema) }
        expect(.invalidHeader) { _ = try inspect([UInt8](repeating: 0, count: 100), update.schema) }
        expect(.invalidHeader) { _ = try inspect([UInt8](repeating: 255, count: 8), update.schema) }
        let message = expect(.invalidHeader) { _ = try inspect([2, 0, 0, 0, 0, 0, 0, 0, 0x5B, 0x5D], update.schema) }
        #expect(message.contains("headerStart"))
    }

    @Test("a header that announces more than an update can have is refused at its eighth byte")
    func longHeader() throws {
        let schema = try update().schema
        let limit = UpdateInspector.headerLimit(schema)
        var inspector = UpdateInspector(expected: schema)
        try inspector.consume(withUnsafeBytes(of: UInt64(limit).littleEndian) { Array($0) })
        inspector = UpdateInspector(expected: schema)
        expect(.invalidHeader) {
            try inspector.consume(withUnsafeBytes(of: UInt64(limit + 1).littleEndian) { Array($0) })
        }
    }

    @Test("booleans are 0 or 1")
    func booleans() throws {
        var update = try update()
        try update.withUnsafeMutableBytes(of: "mask") { $0[4] = 2 }
        let message = expect(.invalidBoolean) { _ = try inspect(Safetensors.encode(update), update.schema) }
        #expect(message.contains("'mask'"))
    }

    @Test("a model of empty tensors, and one of none")
    func empty() throws {
        for update in try [
            Weights([]), Weights([(name: "a", shape: [0], values: []), (name: "b", shape: [3, 0], values: [])]),
        ] {
            let statistics = try inspect(Safetensors.encode(update), update.schema)
            #expect(statistics.norm == 0)
        }
    }
}
