import Testing

@testable import Weights

@Suite("Update encodings")
struct UpdateEncodingTests {
    static let methods: [(name: String, method: UpdateEncoding.Method)] = [
        ("f32", .f32), ("bf16", .bf16), ("f16", .f16), ("int8", .int8(block: 64)), ("top-k", .topK(fraction: 0.1)),
    ]

    private struct Generator {
        var state: UInt64

        mutating func bits() -> UInt32 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt32(truncatingIfNeeded: state >> 32)
        }

        /// Finite floats of every size, zeros and equal magnitudes among them.
        mutating func float() -> Float {
            switch bits() % 8 {
            case 0: return 0
            case 1: return bits() % 2 == 0 ? 0.5 : -0.5
            case 2: return Float(bitPattern: bits() & 0x807F_FFFF)
            default: return Float(bitPattern: bits() & 0x9FFF_FFFF | 0x3000_0000) / 1e4
            }
        }
    }

    private static func encoder(_ schema: EncodedSchema, _ update: Weights, _ before: Weights? = nil) -> UpdateEncoder {
        func reader(_ weights: Weights) -> UpdateEncoder.Read {
            { tensor, offset, buffer in
                let start = weights.schema.byteRange(at: tensor).lowerBound + offset
                weights.withUnsafeBytes {
                    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + buffer.count)]))
                }
            }
        }
        return UpdateEncoder(schema, residual: before.map(reader), update: reader(update))
    }

    private static func decoder(_ schema: EncodedSchema, _ encoded: Weights) throws -> UpdateDecoder {
        try UpdateDecoder(schema) { tensor, offset, buffer in
            let start = encoded.schema.byteRange(at: tensor).lowerBound + offset
            encoded.withUnsafeBytes {
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + buffer.count)]))
            }
        }
    }

    @Test("NumPy's bytes, of the file and of what is left out", arguments: ["bf16", "f16", "int8", "top-k"])
    func golden(name: String) throws {
        let method = try #require(Self.methods.first { $0.name == name }).method
        let update = try Safetensors.decode(Fixtures.golden("encoding-update.safetensors"))
        let before = try Safetensors.decode(Fixtures.golden("encoding-before.safetensors"))
        let schema = try EncodedSchema(update.schema, UpdateEncoding(method, hasErrorFeedback: true)) {
            $0.hasPrefix("aux.")
        }
        #expect(schema.residual == before.schema)
        var bytes: [UInt8] = []
        try Self.encoder(schema, update, before).write { bytes += $0 }
        #expect(bytes == (try Fixtures.golden("encoding-\(name).safetensors")))
        #expect(bytes.count == schema.fileBytes)
        bytes = []
        try Self.encoder(schema, update, before).writeResidual { bytes += $0 }
        #expect(bytes == (try Fixtures.golden("encoding-\(name)-left.safetensors")))
    }

    /// What an element may become, by a rule that knows nothing of how it is done.
    private static func reference(_ values: [Float], _ method: UpdateEncoding.Method) -> [ClosedRange<Double>] {
        func around(_ value: Float, _ error: Double) -> ClosedRange<Double> {
            (Double(value) - error)...(Double(value) + error)
        }
        switch method {
        case .f32: return values.map { around($0, 0) }
        case .bf16:
            return values.map { around($0, max(Double($0.magnitude) / 256, Double(Float.leastNormalMagnitude) / 256)) }
        case .f16: return values.map { around($0, max(Double($0.magnitude) / 2048, 0x1p-25)) }
        case .int8(let size):
            return values.indices.map { index in
                let block = values[(index / size * size)..<min((index / size + 1) * size, values.count)]
                let largest = Double(block.map(\.magnitude).max() ?? 0)
                return around(values[index], largest / 254 * 1.0001 + Double(Float.leastNonzeroMagnitude) * 127)
            }
        case .topK(let fraction):
            let count = max(1, Int((fraction * Double(values.count)).rounded(.toNearestOrEven)))
            let order = values.indices.sorted { (-values[$0].magnitude, $0) < (-values[$1].magnitude, $1) }
            let kept = Set(order.prefix(count))
            return values.indices.map { around(kept.contains($0) ? values[$0] : 0, 0) }
        }
    }

    @Test("There and back: every element within the encoding's bound", arguments: methods.map(\.name))
    func bounds(name: String) throws {
        let method = try #require(Self.methods.first { $0.name == name }).method
        var generator = Generator(state: 3)
        for count in [1, 2, 3, 7, 63, 64, 65, 1000, 4095, 4096, 4097] {
            let values = (0..<count).map { _ in generator.float() }
            let update = try Weights([(name: "w", shape: [count], values: values)])
            let schema = try EncodedSchema(update.schema, UpdateEncoding(method))
            let encoded = try Self.encoder(schema, update).encoded()
            #expect(encoded.schema == schema.encoded)
            let back = try Self.decoder(schema, encoded).weights().floats("w")
            let isPlain = schema.isPlain
            let expected = Self.reference(values, isPlain ? .f32 : method)
            let wrong = zip(back, expected).filter { !$1.contains(Double($0)) }
            #expect(wrong.isEmpty, "\(count): \(wrong.prefix(3))")
            // Encoded because it is smaller, or not encoded.
            #expect(schema.encoded.byteCount < schema.plain.byteCount || isPlain)
        }
    }

    @Test("Tensors larger than the encoder's blocks", arguments: methods.map(\.name))
    func large(name: String) throws {
        let method: UpdateEncoding.Method =
            name == "int8" ? .int8(block: 999) : Self.methods.first { $0.name == name }!.method
        let count = UpdateEncoder.chunk + 4321
        // Distinct magnitudes, so that a slow sort says what is kept.
        let values = (0..<count).map { place -> Float in
            let size = Float((place * 7919) % 99_991 + 1) / 64
            return place % 3 == 0 ? -size : size
        }
        let update = try Weights([(name: "w", shape: [count], values: values)])
        let schema = try EncodedSchema(update.schema, UpdateEncoding(method))
        let decoder = try Self.decoder(schema, Self.encoder(schema, update).encoded())
        let back = try decoder.weights().floats("w")
        let wrong = zip(back, Self.reference(values, method)).filter { !$1.contains(Double($0)) }
        #expect(wrong.isEmpty, "\(wrong.prefix(3))")
        // Any part reads as it does in the whole.
        for (start, length) in [(0, 1), (998, 3), (4095, 2), (4096, 4096), (65_500, 200), (count - 1, 1), (count, 0)] {
            var part = [Float](repeating: .nan, count: length)
            try part.withUnsafeMutableBytes { try decoder.readBlock(tensor: 0, byteOffset: start * 4, into: $0) }
            #expect(part == Array(back[start..<(start + length)]))
        }
        if name != "f32" {
            var four = [Float](repeating: 0, count: 4)
            expect(.outOfRange) {
                try four.withUnsafeMutableBytes {
                    try decoder.readBlock(tensor: 0, byteOffset: (count - 1) * 4, into: $0)
                }
            }
        }
    }

    @Test(
        "With error feedback the sum of what was sent is the sum of the updates, but for what is left",
        arguments: ["int8", "top-k"])
    func feedback(name: String) throws {
        let method = try #require(Self.methods.first { $0.name == name }).method
        var generator = Generator(state: 5)
        let count = 300
        var (sent, updates) = ([Double](repeating: 0, count: count), [Double](repeating: 0, count: count))
        var plainError = [Double](repeating: 0, count: count)
        var left: Weights?
        let spec = try WeightsSchema([TensorSpec(name: "w", dtype: .f32, shape: [count])])
        let schema = try EncodedSchema(spec, UpdateEncoding(method, hasErrorFeedback: true))
        for _ in 0..<50 {
            // Always the same direction: what is left out every time must come through in the end.
            let values = (0..<count).map { Float($0 + 1) / 1000 + Float(generator.bits() % 100) / 1e5 }
            let update = try Weights([(name: "w", shape: [count], values: values)])
            let encoder = Self.encoder(schema, update, left)
            let back = try Self.decoder(schema, encoder.encoded()).weights().floats("w")
            left = try encoder.leftOut()
            let alone = try Self.decoder(schema, Self.encoder(schema, update).encoded()).weights().floats("w")
            for index in 0..<count {
                sent[index] += Double(back[index])
                updates[index] += Double(values[index])
                plainError[index] += Double(alone[index]) - Double(values[index])
            }
        }
        let rest = try #require(left).floats("w")
        for index in 0..<count { #expect(abs(sent[index] + Double(rest[index]) - updates[index]) < 1e-4) }
        let lost = zip(sent, updates).reduce(0) { $0 + abs($1.0 - $1.1) }
        #expect(lost < plainError.reduce(0) { $0 + abs($1) } / 3)
    }

    @Test("Sixteen bits saturate, zeros stay, and extreme scales do not overflow")
    func extremes() throws {
        func back(_ values: [Float], _ method: UpdateEncoding.Method) throws -> [Float] {
            let update = try Weights([(name: "w", shape: [values.count], values: values)])
            let schema = try EncodedSchema(update.schema, UpdateEncoding(method))
            #expect(!schema.isPlain)
            return try Self.decoder(schema, Self.encoder(schema, update).encoded()).weights().floats("w")
        }
        let largest = Float.greatestFiniteMagnitude
        #expect(try back([1e6, -1e6, 0], .f16) == [65504, -65504, 0])
        #expect(try back([largest, -largest], .bf16).allSatisfy(\.isFinite))
        let whole = try back([largest, -largest, 0, 1], .int8(block: 8))
        #expect(whole.allSatisfy(\.isFinite) && whole[0] > largest * 0.99 && whole[2] == 0)
        #expect(try back([0, 0, 0], .int8(block: 8)) == [0, 0, 0])
        let smallest = Float.leastNonzeroMagnitude
        #expect(
            try back([smallest, 190 * smallest, -smallest], .int8(block: 8)).allSatisfy { abs($0) <= 190 * smallest })
    }

    @Test("The form follows from the job alone, and names that collide are refused")
    func schema() throws {
        let specs = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [10, 10]), TensorSpec(name: "one", dtype: .f32, shape: []),
            TensorSpec(name: "none", dtype: .f32, shape: [0]), TensorSpec(name: "n", dtype: .i64, shape: [2]),
            TensorSpec(name: "aux.c", dtype: .f32, shape: [100]),
        ])
        let schema = try EncodedSchema(specs, UpdateEncoding(.int8(block: 32), hasErrorFeedback: true)) {
            $0.hasPrefix("aux.")
        }
        #expect(schema.encoded["w"]?.dtype == .u8 && schema.encoded["w#scale"]?.shape == [4])
        #expect(schema.encoded["one"]?.dtype == .f32 && schema.encoded["aux.c"]?.dtype == .f32)
        #expect(schema.residual.tensors.map(\.name) == ["w"])
        #expect(schema.fileBytes == Safetensors.canonicalSize(schema.encoded))
        #expect(try EncodedSchema(specs).isPlain && EncodedSchema(specs).encoded == specs)
        let twice = try WeightsSchema([
            TensorSpec(name: "w", dtype: .f32, shape: [10]), TensorSpec(name: "w#scale", dtype: .f32, shape: [10]),
        ])
        expect(.duplicateName) { _ = try EncodedSchema(twice, UpdateEncoding(.int8(block: 32))) { $0 != "w" } }
    }

    @Test("Values that are not finite are refused with the tensor's name", arguments: methods.map(\.name))
    func notFinite(name: String) throws {
        let method = try #require(Self.methods.first { $0.name == name }).method
        for bad in [Float.nan, .infinity, -.infinity] {
            let update = try Weights([(name: "bad", shape: [10], values: [0, 1, 2, bad, 4, 5, 6, 7, 8, 9])])
            let schema = try EncodedSchema(update.schema, UpdateEncoding(method))
            let message = expect(.notFinite) { _ = try Self.encoder(schema, update).encoded() }
            #expect(message.contains("bad"))
        }
    }

    @Test(
        "Places that are not ascending or too large are refused",
        arguments: [[3, 3], [5, 2], [0, 30], [0, 1 << 31]])
    func places(places: [UInt32]) throws {
        let spec = try WeightsSchema([TensorSpec(name: "w", dtype: .f32, shape: [30])])
        let schema = try EncodedSchema(spec, UpdateEncoding(.topK(fraction: 2.0 / 30)))
        var encoded = Weights(zeros: schema.encoded)
        try encoded.withUnsafeMutableBytes(of: "w#index") {
            $0.copyBytes(
                from: places.flatMap { place in
                    withUnsafeBytes(of: place.littleEndian) { Array($0) }
                })
        }
        let file = encoded
        expect(.invalidIndex) { _ = try Self.decoder(schema, file) }
    }
}
