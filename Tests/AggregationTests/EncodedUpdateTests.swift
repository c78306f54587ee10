import Testing
import Weights

@testable import Aggregation

@Suite("Encoded updates")
struct EncodedUpdateTests {
    static let encodings: [UpdateEncoding] = [
        .init(.bf16), .init(.f16), .init(.int8(block: 16)), .init(.topK(fraction: 0.2)),
    ]

    private static func schema(_ encoding: UpdateEncoding) throws -> EncodedSchema {
        try EncodedSchema(Fixtures.schema().updateSchema(), encoding)
    }

    private static func encode(_ update: Weights, _ schema: EncodedSchema) throws -> Weights {
        try UpdateEncoder(schema) { try update.readBlock(tensor: $0, byteOffset: $1, into: $2) }.encoded()
    }

    private static func inspect(
        _ bytes: [UInt8], _ schema: EncodedSchema, pieces: Int = 1 << 20
    ) throws -> UpdateStatistics {
        var inspector = UpdateInspector(schema)
        var position = 0
        while position < bytes.count {
            let end = min(position + pieces, bytes.count)
            try inspector.consume(Array(bytes[position..<end]))
            position = end
        }
        return try inspector.finish()
    }

    @Test("The norm is that of the update that the file stands for, wherever the bytes are cut", arguments: encodings)
    func norm(encoding: UpdateEncoding) throws {
        var generator = TestGenerator(state: 4)
        let schema = try Self.schema(encoding)
        let encoded = try Self.encode(Fixtures.random(schema.plain, &generator), schema)
        let bytes = Safetensors.encode(encoded)
        let whole = try Self.inspect(bytes, schema)
        let decoded = try UpdateDecoder(schema) { try encoded.readBlock(tensor: $0, byteOffset: $1, into: $2) }
            .weights()
        #expect(abs(whole.norm - decoded.norm) <= 1e-6 * decoded.norm)
        #expect(whole.bytes == schema.fileBytes)
        for size in [1, 3, 64, 1000] { #expect(try Self.inspect(bytes, schema, pieces: size) == whole) }
    }

    @Test("Tensors larger than the inspector's block", arguments: encodings)
    func large(encoding: UpdateEncoding) throws {
        let values = (0..<200_000).map { Float($0 % 1_001) - 500 }
        let update = try Weights([(name: "a", shape: [200_000], values: values)])
        let schema = try EncodedSchema(update.schema, encoding)
        let encoded = try Self.encode(update, schema)
        let decoded = try UpdateDecoder(schema) { try encoded.readBlock(tensor: $0, byteOffset: $1, into: $2) }
            .weights()
        let bytes = Safetensors.encode(encoded)
        let whole = try Self.inspect(bytes, schema)
        #expect(abs(whole.norm - decoded.norm) <= 1e-6 * decoded.norm)
        #expect(try Self.inspect(bytes, schema, pieces: 65_537) == whole)
    }

    @Test("A fold of encoded updates is the fold of what they stand for, bit for bit", arguments: encodings)
    func fold(encoding: UpdateEncoding) throws {
        let (global, updates) = try Fixtures.round(seed: 9, clients: 5)
        let schema = try Self.schema(encoding)
        var (shown, expected): ([any UpdateSource], [any UpdateSource]) = ([], [])
        for source in updates {
            let encoded = try Self.encode(source.update, schema)
            shown.append(
                try PartialUpdate(
                    clientID: source.clientID, examples: source.examples,
                    tensors: DecodedTensors.showing(encoded, as: schema), expected: schema.plain, shownAs: schema.plain)
            )
            let decoded = try UpdateDecoder(schema) {
                try encoded.readBlock(tensor: $0, byteOffset: $1, into: $2)
            }.weights()
            expected.append(
                MemoryUpdateSource(clientID: source.clientID, examples: source.examples, update: decoded))
        }
        let whole = try WeightedMeanFold().aggregate(global: global, updates: expected)
        for elements in [1, 7, 32 << 10] {
            #expect(try WeightedMeanFold(blockElements: elements).aggregate(global: global, updates: shown) == whole)
        }
    }

    /// What a hostile client may put into a sound file.
    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let encoding: UpdateEncoding
        let tensor: String
        let code: AggregationError.Code
        let bytes: [UInt8]

        init(
            _ name: String, _ method: UpdateEncoding.Method, _ tensor: String, _ code: AggregationError.Code,
            _ bytes: [UInt8]
        ) {
            testDescription = name
            encoding = UpdateEncoding(method)
            self.tensor = tensor
            self.code = code
            self.bytes = bytes
        }

        init(
            _ name: String, _ method: UpdateEncoding.Method, _ tensor: String, _ code: AggregationError.Code,
            _ value: Float
        ) {
            self.init(name, method, tensor, code, withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
        }
    }

    static let hostile: [Hostile] = [
        Hostile("scale NaN", .int8(block: 16), "conv.bias#scale", .invalidEncoding, .nan),
        Hostile("scale infinite", .int8(block: 16), "conv.bias#scale", .invalidEncoding, .infinity),
        Hostile("scale negative", .int8(block: 16), "conv.bias#scale", .invalidEncoding, -0.5),
        Hostile("scale that overflows", .int8(block: 16), "conv.bias#scale", .invalidEncoding, 3e36),
        Hostile("the integer -128", .int8(block: 16), "conv.bias", .invalidEncoding, [0]),
        Hostile("value NaN", .topK(fraction: 0.2), "conv.bias#value", .notFinite, .nan),
        Hostile("value infinite", .topK(fraction: 0.2), "conv.bias#value", .notFinite, -.infinity),
        Hostile("a place twice", .topK(fraction: 0.2), "conv.bias#index", .invalidEncoding, [5, 0, 0, 0, 5, 0, 0, 0]),
        Hostile(
            "places descending", .topK(fraction: 0.2), "conv.bias#index", .invalidEncoding, [5, 0, 0, 0, 4, 0, 0, 0]),
        Hostile("a place beyond the tensor", .topK(fraction: 0.2), "conv.bias#index", .invalidEncoding, [64, 0, 0, 0]),
        Hostile("a place of 2^31", .topK(fraction: 0.2), "conv.bias#index", .invalidEncoding, [0, 0, 0, 128]),
        Hostile("bf16 infinity", .bf16, "conv.bias", .notFinite, [0x80, 0x7F]),
        Hostile("f16 NaN", .f16, "conv.bias", .notFinite, [0x01, 0x7E]),
    ]

    @Test("Whatever an encoder does not write is refused with the tensor's name", arguments: hostile)
    func refused(_ hostile: Hostile) throws {
        var generator = TestGenerator(state: 6)
        let schema = try Self.schema(hostile.encoding)
        var encoded = try Self.encode(Fixtures.random(schema.plain, &generator), schema)
        try encoded.withUnsafeMutableBytes(of: hostile.tensor) { $0.copyBytes(from: hostile.bytes) }
        let bytes = Safetensors.encode(encoded)
        for size in [1, 5, 1 << 20] {
            let message = expect(hostile.code) { _ = try Self.inspect(bytes, schema, pieces: size) }
            #expect(message.contains("conv.bias"))
        }
        // The places are looked at once more when the file is folded: nothing else can reach beyond a buffer.
        if hostile.tensor.hasSuffix("#index") {
            let file = encoded
            expect(.invalidEncoding) { _ = try DecodedTensors(file, as: schema) }
        }
    }

    @Test("Another order of tensors, another form, missing parts and too few bytes are refused")
    func form() throws {
        var generator = TestGenerator(state: 7)
        let schema = try Self.schema(.init(.int8(block: 16)))
        let update = try Fixtures.random(schema.plain, &generator)
        let encoded = try Self.encode(update, schema)
        let bytes = Safetensors.encode(encoded)
        expect(.incomplete) { _ = try Self.inspect(Array(bytes.dropLast()), schema) }
        expect(.tooLong) { _ = try Self.inspect(bytes + [0], schema) }
        expect(.dtypeMismatch) { _ = try Self.inspect(Safetensors.encode(update), Self.schema(.init(.bf16))) }
        expect(.dtypeMismatch) { _ = try Self.inspect(Safetensors.encode(update), schema) }
        expect(.dtypeMismatch) { _ = try DecodedTensors(update, as: schema) }
        let without = try encoded.filtered { $0.name != "conv.bias#scale" }
        expect(.missingTensor) { _ = try Self.inspect(Safetensors.encode(without), schema) }
        // Sound, but with the integers before their scales.
        let header =
            #"{"w":{"data_offsets":[0,16],"dtype":"U8","shape":[16]},"#
            + #""w#scale":{"data_offsets":[16,20],"dtype":"F32","shape":[1]}}"#
        let small = try EncodedSchema(
            WeightsSchema([TensorSpec(name: "w", dtype: .f32, shape: [16])]), .init(.int8(block: 16)))
        let length = withUnsafeBytes(of: UInt64(header.utf8.count).littleEndian) { Array($0) }
        let turned = length + Array(header.utf8) + [UInt8](repeating: 128, count: 16) + [0, 0, 0, 0]
        expect(.invalidHeader) { _ = try Self.inspect(turned, small) }
    }
}
