import Datasets
import Foundation
import TestSupport
import Testing

/// Makes WAV files.
struct WAVBytes {
    var rate = 16000
    var channels = 1
    var bits = 16
    var isFloat = false
    var isExtensible = false

    static func number(_ value: Int, _ bytes: Int) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    static func chunk(_ name: String, _ content: [UInt8], size: Int? = nil) -> [UInt8] {
        Array(name.utf8) + number(size ?? content.count, 4) + content + (content.count % 2 == 1 ? [0] : [])
    }

    static func riff(_ chunks: [[UInt8]]) -> [UInt8] {
        let content = chunks.flatMap { $0 }
        return Array("RIFF".utf8) + number(content.count + 4, 4) + Array("WAVE".utf8) + content
    }

    var format: [UInt8] {
        let code = isFloat ? 3 : 1
        let frame = channels * bits / 8
        var bytes = Self.number(isExtensible ? 0xFFFE : code, 2) + Self.number(channels, 2) + Self.number(rate, 4)
        bytes += Self.number(rate * frame, 4) + Self.number(frame, 2) + Self.number(bits, 2)
        if isExtensible {
            bytes += Self.number(22, 2) + Self.number(bits, 2) + Self.number(0, 4) + Self.number(code, 2)
            bytes += [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]
        }
        return bytes
    }

    func data(_ samples: [Float]) -> [UInt8] {
        samples.flatMap { sample -> [UInt8] in
            if isFloat { return Self.number(Int(sample.bitPattern), 4) }
            let value = Int((Double(sample) * Double(1 << (bits - 1))).rounded())
            return Self.number(bits == 8 ? value + 128 : value, bits / 8)
        }
    }

    func file(_ samples: [Float]) -> Data {
        Data(Self.riff([Self.chunk("fmt ", format), Self.chunk("data", data(samples))]))
    }
}

@Suite struct WAVFileTests {
    /// Multiples of 1/128 are exact in every width.
    private let samples: [Float] = [0, 0.5, -1, 127.0 / 128, -1.0 / 128, 0.25]

    private func read(_ bytes: [UInt8], limits: WAVFile.Limits = .init()) throws -> WAVFile {
        try WAVFile(bytes, path: "sound.wav", limits: limits)
    }

    @Test(arguments: [8, 16, 24, 32], [1, 2, 3])
    func widthsAndChannels(bits: Int, channels: Int) throws {
        for (isFloat, isExtensible) in [(false, false), (false, true), (true, true), (true, false)] {
            guard !isFloat || bits == 32 else { continue }
            let writer = WAVBytes(
                rate: 44100, channels: channels, bits: bits, isFloat: isFloat, isExtensible: isExtensible)
            let file = try read(Array(writer.file(samples)))
            #expect(file.samples == samples)
            #expect(file.sampleRate == 44100 && file.channels == channels && file.frames == 6 / channels)
            #expect(file.mono.count == file.frames)
            #expect(file.mono[0] == [0, 0.25, Float(-0.5 / 3)][channels - 1])
        }
    }

    @Test func everyNumberOf16And24BitsComesBack() throws {
        let words = [-32768, -32767, -1, 0, 1, 12345, 32767]
        let narrow = try read(
            WAVBytes.riff([
                WAVBytes.chunk("fmt ", WAVBytes().format),
                WAVBytes.chunk("data", words.flatMap { WAVBytes.number($0, 2) }),
            ]))
        #expect(narrow.samples == words.map { Float($0) / 32768 })
        let wide = words.map { $0 * 256 + 77 }
        let file = try read(
            WAVBytes.riff([
                WAVBytes.chunk("fmt ", WAVBytes(bits: 24).format),
                WAVBytes.chunk("data", wide.flatMap { WAVBytes.number($0, 3) }),
            ]))
        #expect(file.samples == wide.map { Float(Double($0) / 0x1p23) })
    }

    @Test func chunksInAnyOrderWithOddOnesBetween() throws {
        let writer = WAVBytes(bits: 8)
        let data = Array(writer.data(samples)[..<5])
        let bytes = WAVBytes.riff([
            WAVBytes.chunk("LIST", [1, 2, 3]), WAVBytes.chunk("data", data), WAVBytes.chunk("fact", [9]),
            WAVBytes.chunk("fmt ", writer.format), [0, 0, 0],
        ])
        #expect(try read(bytes).samples == Array(samples[..<5]))
        // The last chunk's pad byte may be missing, and a data chunk may be open.
        let open = WAVBytes.riff([
            WAVBytes.chunk("fmt ", writer.format), Array(WAVBytes.chunk("data", data, size: 0xFFFF_FFFF).dropLast()),
        ])
        #expect(try read(open).samples == Array(samples[..<5]))
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var expected: String
        var code = DatasetError.Code.malformed
        var bytes: [UInt8]
        var testDescription: String { expected }

        /// A file whose format chunk has other bytes at an offset.
        static func format(_ expected: String, _ offset: Int, _ value: [UInt8], _ writer: WAVBytes = .init()) -> Broken
        {
            var format = writer.format
            format.replaceSubrange(offset..<offset + value.count, with: value)
            return Broken(
                expected: expected,
                bytes: WAVBytes.riff([WAVBytes.chunk("fmt ", format), WAVBytes.chunk("data", [0, 0])]))
        }
    }

    @Test(arguments: [
        Broken(expected: "byte 0: found \"\"", bytes: []),
        Broken(expected: "expected 'RIFF'", bytes: Array("RIFX....WAVE".utf8)),
        Broken(expected: "no 'fmt ' chunk", bytes: WAVBytes.riff([WAVBytes.chunk("data", [0, 0])])),
        Broken(expected: "no 'data' chunk", bytes: WAVBytes.riff([WAVBytes.chunk("fmt ", WAVBytes().format)])),
        Broken(
            expected: "byte 36: chunk \"data\" of 3 bytes, and 2 follow: the file is cut short",
            bytes: WAVBytes.riff([
                WAVBytes.chunk("fmt ", WAVBytes().format), WAVBytes.chunk("data", [0, 0], size: 3),
            ])),
        Broken(
            expected: "byte 46: a second 'data' chunk",
            bytes: WAVBytes.riff([
                WAVBytes.chunk("fmt ", WAVBytes().format), WAVBytes.chunk("data", [0, 0]),
                WAVBytes.chunk("data", [0, 0]),
            ])),
        Broken(
            expected: "1 bytes of samples, expected a multiple of 2", code: .mismatch,
            bytes: WAVBytes.riff([WAVBytes.chunk("fmt ", WAVBytes().format), WAVBytes.chunk("data", [0])])),
        Broken(
            expected: "a format chunk of 2 bytes",
            bytes: WAVBytes.riff([WAVBytes.chunk("fmt ", [1, 0]), WAVBytes.chunk("data", [])])),
        Broken(
            expected: "byte 48: inf, expected a finite number",
            bytes: Array(WAVBytes(bits: 32, isFloat: true).file([0, .infinity]))),
        .format("byte 20: format 2, expected 1", 0, [2, 0]),
        .format("byte 22: 0 channels", 2, [0, 0]),
        .format("byte 24: a rate of 0 Hz", 4, [0, 0, 0, 0]),
        .format("byte 34: 12 bits a sample", 14, [12, 0]),
        .format("byte 32: 3 bytes a frame, expected 2", 12, [3, 0]),
        .format("byte 20: an extensible format chunk of 16 bytes", 0, [0xFE, 0xFF]),
        .format("byte 44: an unknown format identifier", 30, [1], WAVBytes(isExtensible: true)),
        .format("byte 34: 16 bits a sample, expected 32 for floating point", 0, [3, 0]),
    ])
    func brokenFilesNameTheByte(broken: Broken) throws {
        let error = try #require(throws: DatasetError.self) { try read(broken.bytes) }
        #expect(error.code == broken.code)
        #expect(error.message.contains("sound.wav") && error.message.contains(broken.expected), "\(error.message)")
    }

    @Test func everyCutIsAnErrorOrAFile() throws {
        let whole = Array(WAVBytes(bits: 24, isExtensible: true).file(samples))
        for length in 0..<whole.count {
            #expect(throws: DatasetError.self, "\(length) bytes") { try read(Array(whole[..<length])) }
        }
    }

    @Test func limitsComeBeforeMemory() throws {
        let folder = try TemporaryFolder()
        try folder.write(WAVBytes().file(samples), to: "a.wav")
        var limits = WAVFile.Limits()
        limits.maximumSamples = 5
        let count = try #require(throws: DatasetError.self) {
            try WAVFile(contentsOf: folder.file("a.wav"), limits: limits)
        }
        #expect(count.code == .tooLarge)
        limits = .init()
        limits.maximumBytes = 20
        let bytes = try #require(throws: DatasetError.self) {
            try WAVFile(contentsOf: folder.file("a.wav"), limits: limits)
        }
        #expect(bytes.code == .tooLarge)
    }

    @Test func aLowRateIsNotBlownUp() throws {
        let folder = try TemporaryFolder()
        // 1,000 samples of 8 bits at 100 Hz are 160,000 at 16 kHz.
        var bytes = Array("RIFF".utf8) + Self.four(36 + 1000) + Array("WAVEfmt ".utf8) + Self.four(16)
        bytes += [1, 0, 1, 0] + Self.four(100) + Self.four(100) + [1, 0, 8, 0] + Array("data".utf8) + Self.four(1000)
        bytes += [UInt8](repeating: 128, count: 1000)
        let path = folder.file("slow.wav")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let file = try WAVFile(contentsOf: path)
        #expect(try file.mono(at: 16_000, maximumSamples: 160_000).count == 160_000)
        let error = try #require(throws: DatasetError.self) { try file.mono(at: 16_000, maximumSamples: 159_999) }
        #expect(error.code == .tooLarge)
    }

    private static func four(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(value >> (8 * $0) & 0xFF) } }
}
