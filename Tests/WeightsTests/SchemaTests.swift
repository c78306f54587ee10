import Foundation
import Testing
import Weights

@Suite("Schemas")
struct SchemaTests {
    @Test("tensors are ordered by width, then by the bytes of the name")
    func order() throws {
        let specs = try [
            ("b", DType.u8), ("a", .bool), ("z", .f64), ("y", .i64), ("B", .f32), ("a2", .f32), ("é", .f32),
            ("h", .f16),
            ("g", .bf16),
        ].map { try TensorSpec(name: $0.0, dtype: $0.1, shape: [3]) }
        let schema = try WeightsSchema(specs)
        #expect(schema.tensors.map(\.name) == ["y", "z", "B", "a2", "é", "g", "h", "a", "b"])
        #expect(schema.byteCount == 48 + 36 + 12 + 6)
        #expect(schema.elementCount == 27)
        for (index, spec) in schema.tensors.enumerated() {
            #expect(schema.byteOffsets[index] % spec.dtype.byteWidth == 0)
            #expect(schema.index(of: spec.name) == index)
        }
        #expect(try WeightsSchema(specs.reversed()) == schema)
        #expect(try WeightsSchema(specs.reversed()).digest == schema.digest)
    }

    @Test("names are compared byte for byte")
    func unicode() throws {
        let composed = try TensorSpec(name: "\u{E9}", dtype: .f32, shape: [])
        let decomposed = try TensorSpec(name: "e\u{301}", dtype: .f32, shape: [])
        #expect(composed != decomposed)
        #expect(try WeightsSchema([composed]) != WeightsSchema([decomposed]))
        #expect(try WeightsSchema([composed])["e\u{301}"] == nil)
        #expect(try WeightsSchema([composed]).difference(from: WeightsSchema([decomposed])).count == 2)
        expect(.duplicateName) { _ = try WeightsSchema([composed, decomposed]) }
    }

    @Test("impossible specifications are errors")
    func invalid() throws {
        expect(.invalidName) { _ = try TensorSpec(name: "", dtype: .f32, shape: []) }
        expect(.invalidName) { _ = try TensorSpec(name: "__metadata__", dtype: .f32, shape: []) }
        expect(.invalidShape) { _ = try TensorSpec(name: "a", dtype: .f32, shape: [2, -1]) }
        expect(.invalidShape) { _ = try TensorSpec(name: "a", dtype: .f32, shape: [Int](repeating: 1, count: 33)) }
        expect(.sizeOverflow) { _ = try TensorSpec(name: "a", dtype: .u8, shape: [1 << 32, 1 << 32]) }
        expect(.sizeOverflow) { _ = try TensorSpec(name: "a", dtype: .f32, shape: [1 << 62]) }
        let large = try ["a", "b"].map { try TensorSpec(name: $0, dtype: .u8, shape: [1 << 62]) }
        expect(.sizeOverflow) { _ = try WeightsSchema(large) }
        expect(.duplicateName) { _ = try WeightsSchema([large[0], large[0]]) }
    }

    @Test("differences are sentences with a kind, sorted by name")
    func differences() throws {
        let expected = try WeightsSchema([
            TensorSpec(name: "a", dtype: .f32, shape: [2]), TensorSpec(name: "b", dtype: .f32, shape: [2]),
            TensorSpec(name: "c", dtype: .f32, shape: [2]),
        ])
        let found = try WeightsSchema([
            TensorSpec(name: "b", dtype: .f16, shape: [3]), TensorSpec(name: "c", dtype: .f32, shape: [2]),
            TensorSpec(name: "d", dtype: .f32, shape: [2]),
        ])
        #expect(
            found.difference(from: expected) == [
                "tensor 'a' is missing", "tensor 'b' has dtype F16, expected F32",
                "tensor 'b' has shape [3], expected [2]", "tensor 'd' is not expected",
            ])
        #expect(found.differences(from: expected).map(\.kind) == [.missing, .dtype, .shape, .unexpected])
        #expect(found.difference(from: found).isEmpty)
    }

    @Test("a schema survives JSON, and JSON is checked")
    func codable() throws {
        let schema = try Fixtures.all().schema
        let data = try JSONEncoder().encode(schema)
        #expect(try JSONDecoder().decode(WeightsSchema.self, from: data) == schema)
        #expect(throws: (any Error).self) {
            try JSONDecoder().decode(
                WeightsSchema.self, from: Data(#"[{"name":"a","dtype":"F32","shape":[-1]}]"#.utf8))
        }
    }

    @Test("the digests are those that Python computes")
    func digests() throws {
        struct Digests: Codable {
            var weights: String
            var schema: String
        }
        let golden = try JSONDecoder().decode(Digests.self, from: Data(Fixtures.golden("digests.json")))
        let weights = try Fixtures.all()
        #expect(weights.digest() == golden.weights)
        #expect(weights.schema.digest == golden.schema)
    }

    @Test("the schema of an update has f32 for every float")
    func updateSchema() throws {
        let update = try Fixtures.all().schema.updateSchema()
        #expect(update["double"]?.dtype == .f32)
        #expect(update["brain"]?.dtype == .f32)
        #expect(update["count"]?.dtype == .i64)
        #expect(update["flags"]?.dtype == .bool)
    }
}
