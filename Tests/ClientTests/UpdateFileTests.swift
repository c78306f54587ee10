import Crypto
import Foundation
import Jobs
import TestSupport
import Testing
import Weights

@testable import Client

struct UpdateFileTests {
    private func finish(_ update: Weights, for global: Weights, metadata: [String: String] = [:]) throws -> Data {
        let folder = try TemporaryFolder()
        try Safetensors.write(update, metadata: metadata, to: folder.file("update"))
        let schema = try WeightsSchema(
            global.schema.tensors.filter(\.dtype.isFloat).map {
                try TensorSpec(name: $0.name, dtype: .f32, shape: $0.shape)
            })
        let result = try UpdateFile.finish(
            folder.file("update"), schema: EncodedSchema(schema), global: global.schema,
            residuals: ResidualFiles(folder: folder.file("encoding"), round: 0), to: folder.file("out"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("encoding")))
        let bytes = Data(try folder.read("out"))
        #expect(result.bytes == Int64(bytes.count))
        #expect(result.digest == SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined())
        return bytes
    }

    private static let global = try! Weights([
        (name: "b", shape: [3], values: [1, 2, 3]), (name: "a", shape: [2, 2], values: [1, 2, 3, 4]),
    ])

    @Test("A valid file becomes the canonical form, whatever its metadata")
    func canonical() throws {
        let update = try Weights([
            (name: "b", shape: [3], values: [0.5, 0, -1]), (name: "a", shape: [2, 2], values: [4, 3, 2, 1]),
        ])
        #expect(try finish(update, for: Self.global, metadata: ["made": "by hand"]) == Data(Safetensors.encode(update)))
    }

    @Test("Tensors of the model that the job does not ask for are left out")
    func extra() throws {
        var specs = Self.global.schema.tensors
        specs.append(try TensorSpec(name: "steps", dtype: .i64, shape: []))
        let update = Weights(zeros: try WeightsSchema(specs))
        #expect(try finish(update, for: update) == Data(Safetensors.encode(Weights(zeros: Self.global.schema))))
    }

    @Test("What is personal does not leave the site, whatever its trainer writes", arguments: [false, true])
    func personal(isEncoded: Bool) throws {
        let folder = try TemporaryFolder()
        let global = try Weights([
            (name: "body", shape: [2, 2], values: [1, 2, 3, 4]), (name: "head.bias", shape: [3], values: [0, 0, 0]),
        ])
        let secret: [Float] = [0.123_456_7, -7.654_321, 31.415_926]
        let written = try Weights([
            (name: "body", shape: [2, 2], values: [0.5, 0.25, -1, 0]), (name: "head.bias", shape: [3], values: secret),
        ])
        try Safetensors.write(written, metadata: ["head.bias": "\(secret)"], to: folder.file("update"))
        let job = JobSpecification(
            name: "personal", model: ["name": "any"], data: "any", rounds: 1,
            strategy: ["name": "fedper", "personal": ["head."]],
            encoding: isEncoded ? ["name": "int8", "block": 64] : [:])
        let schema = try job.encodedSchema(for: job.updateSchema(for: global.schema))
        _ = try UpdateFile.finish(
            folder.file("update"), schema: schema, global: global.schema,
            residuals: ResidualFiles(folder: folder.file("encoding"), round: 0), to: folder.file("out"))
        let bytes = Data(try folder.read("out"))
        #expect(bytes.range(of: Data("head".utf8)) == nil)
        for value in secret {
            #expect(bytes.range(of: withUnsafeBytes(of: value) { Data($0) }) == nil)
            #expect(bytes.range(of: Data("\(value)".utf8)) == nil)
        }
    }

    @Test(
        "Bad updates are refused with the tensor's name", arguments: ["missing", "shape", "strange", "nan", "infinity"])
    func refused(kind: String) throws {
        let b: (name: String, shape: [Int], values: [Float]) = ("b", [3], [0, 0, 0])
        let a: (name: String, shape: [Int], values: [Float]) = ("a", [2, 2], [0, 0, 0, 0])
        let update =
            switch kind {
            case "missing": try Weights([a])
            case "shape": try Weights([a, ("b", [1, 3], [0, 0, 0])])
            case "strange": try Weights([a, b, ("c", [1], [0])])
            case "nan": try Weights([a, ("b", [3], [0, .nan, 0])])
            default: try Weights([a, ("b", [3], [0, 0, -.infinity])])
            }
        let error = #expect(throws: ClientError.self) { try finish(update, for: Self.global) }
        #expect(error?.code == .update)
        #expect(error?.message.contains(kind == "strange" ? "c" : "b") == true)
    }

    @Test("Half precision is not float32")
    func dtype() throws {
        let half = try WeightsSchema(
            Self.global.schema.tensors.map { try TensorSpec(name: $0.name, dtype: .f16, shape: $0.shape) })
        #expect(throws: ClientError.self) { try finish(Weights(zeros: half), for: Self.global) }
    }

    @Test("No file, a link, and garbage are errors")
    func noFile() throws {
        let folder = try TemporaryFolder()
        try folder.write([1, 2, 3], to: "garbage")
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: folder.file("garbage"))
        for name in ["nothing", "link", "garbage"] {
            #expect(throws: ClientError.self) {
                try UpdateFile.finish(
                    folder.file(name), schema: EncodedSchema(Self.global.schema), global: Self.global.schema,
                    residuals: ResidualFiles(folder: folder.file("encoding"), round: 0), to: folder.file("out"))
            }
            #expect(!FileManager.default.fileExists(atPath: folder.file("out")))
        }
    }
}
