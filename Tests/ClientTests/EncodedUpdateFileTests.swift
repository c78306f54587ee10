import Durability
import Foundation
import TestSupport
import Testing
import Weights

@testable import Client

/// The update file of a job with an encoding: the bytes of the encoder, and what it left out kept from round to round.
struct EncodedUpdateFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func update(_ round: Int) throws -> Weights {
        try Weights([
            (name: "b", shape: [3], values: [0.5, Float(round), -1]),
            (name: "w", shape: [40], values: (0..<40).map { Float(($0 * 37 + round) % 41) / 7 - 3 }),
        ])
    }

    private static func schema(_ encoding: UpdateEncoding) throws -> EncodedSchema {
        try EncodedSchema(update(0).schema, encoding)
    }

    /// Encodes in memory.
    private static func encoder(_ update: Weights, _ schema: EncodedSchema, _ left: Weights?) -> UpdateEncoder {
        func reader(_ weights: Weights) -> UpdateEncoder.Read {
            { tensor, offset, buffer in
                let start = weights.schema.byteRange(at: tensor).lowerBound + offset
                weights.withUnsafeBytes {
                    buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[start..<(start + buffer.count)]))
                }
            }
        }
        return UpdateEncoder(schema, residual: left.map(reader), update: reader(update))
    }

    private func finish(_ update: Weights, _ schema: EncodedSchema, round: Int) throws -> [UInt8] {
        try Safetensors.write(update, to: folder.file("update"))
        let result = try UpdateFile.finish(
            folder.file("update"), schema: schema, global: update.schema,
            residuals: ResidualFiles(folder: folder.file("encoding"), round: round), to: folder.file("out"))
        let bytes = try folder.read("out")
        #expect(result.bytes == Int64(bytes.count) && bytes.count == schema.fileBytes)
        return bytes
    }

    @Test("Each round adds what the round before left out; a round that is tried again gives the same bytes")
    func rounds() throws {
        for encoding in [
            UpdateEncoding(.int8(block: 16), hasErrorFeedback: true),
            UpdateEncoding(.topK(fraction: 0.1), hasErrorFeedback: true),
        ] {
            let schema = try Self.schema(encoding)
            var left: Weights?
            for round in [0, 1, 2, 5] {
                let update = try Self.update(round)
                let encoder = Self.encoder(update, schema, left)
                let expected = Safetensors.encode(try encoder.encoded())
                #expect(try finish(update, schema, round: round) == expected)
                // The trainer may even give something else when it is asked again: what counts is the last.
                _ = try finish(Self.update(round + 7), schema, round: round)
                #expect(try finish(update, schema, round: round) == expected)
                left = try encoder.leftOut()
                let files = try FileManager.default.contentsOfDirectory(atPath: folder.file("encoding")).sorted()
                #expect(files.contains("\(round).safetensors") && files.count == min(2, round + 1))
            }
            #expect(
                try Safetensors.decode(folder.read("encoding/5.safetensors")) == #require(left))
            try FileManager.default.removeItem(atPath: folder.file("encoding"))
        }
    }

    @Test(
        "Without error feedback nothing is remembered", arguments: [UpdateEncoding.Method.bf16, .f16, .int8(block: 8)])
    func withoutFeedback(method: UpdateEncoding.Method) throws {
        let schema = try Self.schema(UpdateEncoding(method))
        let first = try finish(Self.update(0), schema, round: 0)
        #expect(try finish(Self.update(0), schema, round: 1) == first)
        #expect(!FileManager.default.fileExists(atPath: folder.file("encoding")))
    }

    @Test("A damaged memory, or one of another job's tensors, is an error and changes nothing")
    func damaged() throws {
        let schema = try Self.schema(UpdateEncoding(.int8(block: 16), hasErrorFeedback: true))
        _ = try finish(Self.update(0), schema, round: 0)
        for bytes in [[1, 2, 3], Safetensors.encode(try Weights([(name: "w", shape: [1], values: [0])]))] {
            try folder.write(bytes, to: "encoding/0.safetensors")
            try FileManager.default.removeItem(atPath: folder.file("out"))
            let error = #expect(throws: ClientError.self) { try finish(Self.update(1), schema, round: 1) }
            #expect(error?.code == .update)
            #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
            #expect(!FileManager.default.fileExists(atPath: folder.file("encoding/1.safetensors")))
            try folder.write([], to: "out")
        }
    }

    @Test("Values that are not finite leave neither update nor memory")
    func notFinite() throws {
        let schema = try Self.schema(UpdateEncoding(.int8(block: 16), hasErrorFeedback: true))
        var update = try Self.update(0)
        try update.setFloats("b", [0, .nan, 0])
        let error = #expect(throws: ClientError.self) { try finish(update, schema, round: 0) }
        #expect(error?.code == .update && error?.message.contains("b") == true)
        #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
        #expect(!FileManager.default.fileExists(atPath: folder.file("encoding/0.safetensors")))
    }
}
