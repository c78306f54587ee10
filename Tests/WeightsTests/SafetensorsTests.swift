import Foundation
import TestSupport
import Testing
import Weights

@Suite("Safetensors")
struct SafetensorsTests {
    @Test("files of the official package are read", arguments: ["official.safetensors", "metadata.safetensors"])
    func official(name: String) throws {
        let file = try SafetensorsFile(path: Fixtures.path(name))
        #expect(try file.read() == Fixtures.all())
        #expect(try Safetensors.decode(Fixtures.golden(name)) == Fixtures.all())
        #expect(file.metadata == (name.hasPrefix("meta") ? ["format": "pt", "übrig": "\"x\""] : [:]))
    }

    @Test("the canonical form is byte for byte the one Python makes, and the official package reads that")
    func canonical() throws {
        let golden = try Fixtures.golden("canonical.safetensors")
        let weights = try Fixtures.all()
        #expect(Safetensors.encode(weights) == golden)
        #expect(Safetensors.canonicalSize(weights.schema) == golden.count)
        #expect(try Safetensors.decode(golden) == weights)
        var pieces: [UInt8] = []
        try Safetensors.write(weights, block: 7) { pieces.append(contentsOf: $0) }
        #expect(pieces == golden)
        let folder = try TemporaryFolder()
        try Safetensors.write(weights, to: folder.file("a"))
        #expect(try folder.read("a") == golden)
        #expect(try SafetensorsFile(path: folder.file("a")).header.isInCanonicalOrder)
    }

    @Test("metadata is written and read, and the data stays aligned")
    func metadata() throws {
        let folder = try TemporaryFolder()
        let metadata = ["a": "\u{0}\u{1F}\"\\", "format": "pt", "é": "漢🙂"]
        try Safetensors.write(Fixtures.all(), metadata: metadata, to: folder.file("m"))
        let file = try SafetensorsFile(path: folder.file("m"))
        #expect(file.metadata == metadata)
        #expect(file.dataOffset % 8 == 0)
        #expect(try file.read() == Fixtures.all())
    }

    @Test("blocks are read from any place, and nothing beyond")
    func blocks() throws {
        let file = try SafetensorsFile(path: Fixtures.path("official.safetensors"))
        let weights = try Fixtures.all()
        let bytes = try #require(weights["layer.weight"]).bytes
        let range = try #require(file.range(of: "layer.weight"))
        var block = [UInt8](repeating: 0, count: 10)
        try block.withUnsafeMutableBytes { try file.readBlock(offset: range.lowerBound + 5, into: $0) }
        #expect(block == Array(bytes[5..<15]))
        try block.withUnsafeMutableBytes { try file.readBlock(offset: range.lowerBound, count: 3, into: $0) }
        #expect(block == Array(bytes[0..<3] + bytes[8..<15]))
        try block.withUnsafeMutableBytes { try file.read("layer.weight", byteOffset: 14, into: $0) }
        #expect(block == Array(bytes[14...]))
        expect(.outOfRange) {
            try block.withUnsafeMutableBytes { try file.read("layer.weight", byteOffset: 15, into: $0) }
        }
        expect(.outOfRange) {
            try block.withUnsafeMutableBytes { try file.read("layer.weight", byteOffset: -1, into: $0) }
        }
        expect(.outOfRange) {
            try block.withUnsafeMutableBytes { try file.readBlock(offset: file.header.dataBytes - 9, into: $0) }
        }
        expect(.outOfRange) { try block.withUnsafeMutableBytes { try file.readBlock(offset: .max, into: $0) } }
        expect(.unknownTensor) { try block.withUnsafeMutableBytes { try file.read("x", byteOffset: 0, into: $0) } }
        #expect(file.range(of: "x") == nil)
    }

    @Test("a file that shrinks after it was opened is an error")
    func shrinks() throws {
        let folder = try TemporaryFolder()
        let bytes = try Fixtures.golden("official.safetensors")
        let path = try folder.write(bytes, to: "s")
        let file = try SafetensorsFile(path: path)
        let handle = try #require(FileHandle(forUpdatingAtPath: path))
        try handle.truncate(atOffset: UInt64(bytes.count - 1))
        try handle.close()
        expect(.fileTruncated) { _ = try file.read() }
    }

    @Test("what is no file is an error")
    func missing() throws {
        let folder = try TemporaryFolder()
        expect(.inputOutput) { _ = try SafetensorsFile(path: folder.file("none")) }
        expect(.inputOutput) { _ = try SafetensorsFile(path: folder.path) }
        expect(.inputOutput) { try Safetensors.write(Fixtures.all(), to: folder.file("no/folder")) }
    }

    @Test("random schemas survive writing and reading")
    func roundTrip() throws {
        var state: UInt64 = 7
        func random(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % bound
        }
        for _ in 0..<50 {
            let tensors = (0..<random(8)).map { index in
                (
                    name: "t\(index)" + String(repeating: "ü", count: random(3)),
                    dtype: DType.allCases[random(DType.allCases.count)],
                    shape: (0..<random(4)).map { _ in random(5) }
                )
            }
            let weights = try Fixtures.weights(tensors)
            #expect(try Safetensors.decode(Safetensors.encode(weights)) == weights)
        }
    }
}
