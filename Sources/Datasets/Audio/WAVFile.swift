import Foundation

/// Sound read from a RIFF/WAVE file: PCM of 8, 16, 24 or 32 bits, or 32-bit floating point, with any number of channels.
///
/// Chunks may come in any order; unknown ones and the byte that pads one of odd length are skipped. The extensible form
/// of the format chunk is understood. Whole numbers are divided by 2^(bits − 1), 8-bit ones, which are unsigned, after
/// 128 is taken off, so that every sample lies in −1 ... 1. The average byte rate and the outer RIFF size, which many
/// programs get wrong, are not looked at; a data chunk of 2^32 − 1 bytes, which programs write that cannot go back, ends
/// with the file. Anything else that does not fit is refused with the byte where it was found.
///
/// Source: IBM and Microsoft, "Multimedia programming interface and data specifications 1.0", 1991, and Microsoft,
/// "Multiple channel audio data and WAVE files", 2007.
public struct WAVFile: Sendable {
    /// The largest float sample that is read: full scale is 1, and features of far larger ones overflow.
    static let largestSample: Float = 1e6

    /// What a file may hold.
    public struct Limits: Sendable {
        /// The largest file, in bytes.
        public var maximumBytes = 1 << 28
        /// The most samples, all channels together.
        public var maximumSamples = 1 << 27
        /// The most channels.
        public var maximumChannels = 256

        /// The defaults: 256 MiB, 2^27 samples of 256 channels.
        public init() {}
    }

    /// Samples a second of each channel.
    public let sampleRate: Int
    /// The number of channels.
    public let channels: Int
    /// The samples in −1 ... 1 (floating-point files may exceed it), frame by frame: one a channel.
    public let samples: [Float]

    /// The number of samples of each channel.
    public var frames: Int { samples.count / channels }

    /// The mean of the channels.
    public var mono: [Float] {
        guard channels > 1 else { return samples }
        return (0..<frames).map { frame in
            var sum = 0.0
            for channel in 0..<channels { sum += Double(samples[frame * channels + channel]) }
            return Float(sum / Double(channels))
        }
    }

    /// Reads a file.
    ///
    /// - Throws: `DatasetError` naming the file and the byte offset.
    public init(contentsOf path: String, limits: Limits = Limits()) throws(DatasetError) {
        let bytes = [UInt8](try BoundedFile.read(path, maximumBytes: limits.maximumBytes))
        try self.init(bytes, path: path, limits: limits)
    }

    /// Reads bytes that are already in memory; `path` is what messages call them.
    public init(_ bytes: [UInt8], path: String, limits: Limits = Limits()) throws(DatasetError) {
        let chunks = try RIFFChunks(bytes, path: path)
        let format = try WAVFormat(bytes, at: chunks.find("fmt "), path: path, limits: limits)
        let data = try chunks.find("data")
        let frameBytes = format.channels * format.sampleBytes
        guard data.count % frameBytes == 0 else {
            throw DatasetError(
                .mismatch,
                "\(path): byte \(data.lowerBound): \(data.count) bytes of samples, expected a multiple of \(frameBytes) "
                    + "(\(format.channels) channels of \(format.sampleBytes) bytes)")
        }
        let count = data.count / format.sampleBytes
        guard count <= limits.maximumSamples else {
            throw DatasetError(
                .tooLarge,
                "\(path): byte \(data.lowerBound): \(count) samples, at most \(limits.maximumSamples) are read")
        }
        sampleRate = format.sampleRate
        channels = format.channels
        samples = format.samples(bytes[data])
        if format.isFloat, let index = samples.firstIndex(where: { !(abs($0) <= Self.largestSample) }) {
            throw DatasetError(
                .malformed,
                "\(path): byte \(data.lowerBound + 4 * index): \(samples[index]), expected a finite number of at most "
                    + "\(Self.largestSample)")
        }
    }

    /// The mean of the channels at another sample rate.
    ///
    /// - Throws: `DatasetError` as `BandLimitedResampler.init`, and `tooLarge` when there would be more samples than
    ///   `maximumSamples`: a low rate in a small file stands for many.
    public func mono(
        at rate: Int, maximumSamples: Int = Limits().maximumSamples
    ) throws(DatasetError) -> [Float] {
        guard rate != sampleRate else { return mono }
        let resampler = try BandLimitedResampler(from: sampleRate, to: rate)
        let count = resampler.outputCount(for: samples.count / max(1, channels))
        guard count <= maximumSamples else {
            throw DatasetError(
                .tooLarge, "\(count) samples at \(rate) Hz from \(sampleRate) Hz, at most \(maximumSamples) are made")
        }
        return resampler.resample(mono)
    }
}

/// Where the chunks of a RIFF/WAVE file lie.
private struct RIFFChunks {
    /// The most chunks looked at.
    private static let maximumCount = 10_000

    private let path: String
    private var found: [String: [Range<Int>]] = [:]

    init(_ bytes: [UInt8], path: String) throws(DatasetError) {
        self.path = path
        guard bytes.count >= 12, bytes[0..<4].elementsEqual("RIFF".utf8), bytes[8..<12].elementsEqual("WAVE".utf8)
        else {
            let shown = String(decoding: bytes.prefix(12), as: UTF8.self)
            throw DatasetError(
                .malformed, "\(path): byte 0: found \(shown.debugDescription), expected 'RIFF', a size and 'WAVE'")
        }
        var position = 12
        var count = 0
        // Fewer than eight bytes at the end cannot be a chunk; some programs leave such a rest.
        while position + 8 <= bytes.count {
            count += 1
            guard count <= Self.maximumCount else {
                throw DatasetError(.tooLarge, "\(path): byte \(position): more than \(Self.maximumCount) chunks")
            }
            let name = String(decoding: bytes[position..<position + 4], as: UTF8.self)
            let size = bytes.littleEndian(at: position + 4, bytes: 4)
            let start = position + 8
            let isOpen = name == "data" && size == 0xFFFF_FFFF
            guard isOpen || size <= bytes.count - start else {
                throw DatasetError(
                    .malformed,
                    "\(path): byte \(position): chunk \(name.debugDescription) of \(size) bytes, and \(bytes.count - start) "
                        + "follow: the file is cut short")
            }
            let end = isOpen ? bytes.count : start + size
            found[name, default: []].append(start..<end)
            position = end + (end - start) % 2
        }
    }

    /// The one chunk of that name.
    func find(_ name: String) throws(DatasetError) -> Range<Int> {
        let matches = found[name] ?? []
        guard let first = matches.first else {
            throw DatasetError(.malformed, "\(path): no '\(name)' chunk, expected one")
        }
        guard matches.count == 1 else {
            throw DatasetError(
                .malformed, "\(path): byte \(matches[1].lowerBound - 8): a second '\(name)' chunk, expected one")
        }
        return first
    }
}

/// What the format chunk says.
private struct WAVFormat {
    /// Bytes 2 to 15 of the identifier that the extensible form holds, after the format's number.
    private static let extensibleTail: [UInt8] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71]

    let channels: Int
    let sampleRate: Int
    let sampleBytes: Int
    let isFloat: Bool

    init(_ bytes: [UInt8], at range: Range<Int>, path: String, limits: WAVFile.Limits) throws(DatasetError) {
        let start = range.lowerBound
        func refusal(_ offset: Int, _ found: String, _ expected: String) -> DatasetError {
            DatasetError(.malformed, "\(path): byte \(start + offset): \(found), expected \(expected)")
        }
        guard range.count >= 16 else { throw refusal(0, "a format chunk of \(range.count) bytes", "at least 16") }
        var tag = bytes.littleEndian(at: start, bytes: 2)
        if tag == 0xFFFE {
            guard range.count >= 40 else {
                throw refusal(0, "an extensible format chunk of \(range.count) bytes", "at least 40")
            }
            guard bytes[(start + 26)..<(start + 40)].elementsEqual(Self.extensibleTail) else {
                throw refusal(24, "an unknown format identifier", "the one of PCM or floating point")
            }
            tag = bytes.littleEndian(at: start + 24, bytes: 2)
        }
        guard tag == 1 || tag == 3 else { throw refusal(0, "format \(tag)", "1 (PCM) or 3 (floating point)") }
        isFloat = tag == 3
        channels = bytes.littleEndian(at: start + 2, bytes: 2)
        guard (1...limits.maximumChannels).contains(channels) else {
            throw refusal(2, "\(channels) channels", "1...\(limits.maximumChannels)")
        }
        sampleRate = bytes.littleEndian(at: start + 4, bytes: 4)
        guard BandLimitedResampler.rates.contains(sampleRate) else {
            throw refusal(4, "a rate of \(sampleRate) Hz", "\(BandLimitedResampler.rates)")
        }
        let bits = bytes.littleEndian(at: start + 14, bytes: 2)
        guard isFloat ? bits == 32 : [8, 16, 24, 32].contains(bits) else {
            throw refusal(14, "\(bits) bits a sample", isFloat ? "32 for floating point" : "8, 16, 24 or 32")
        }
        sampleBytes = bits / 8
        let block = bytes.littleEndian(at: start + 12, bytes: 2)
        guard block == channels * sampleBytes else {
            throw refusal(
                12, "\(block) bytes a frame", "\(channels * sampleBytes) (\(channels) channels of \(bits) bits)")
        }
    }

    /// The samples in `bytes`, a whole number of them.
    func samples(_ bytes: ArraySlice<UInt8>) -> [Float] {
        let width = sampleBytes
        return bytes.withUnsafeBytes { raw in
            (0..<raw.count / width).map { index in
                var word: UInt32 = 0
                for byte in 0..<width { word |= UInt32(raw[index * width + byte]) << UInt32(8 * byte) }
                if isFloat { return Float(bitPattern: word) }
                if width == 1 { return (Float(word) - 128) / 128 }
                // The sample's bits go to the top of the word, so that one scale and the sign fit all widths.
                let value = Int32(bitPattern: word << UInt32(32 - 8 * width))
                return Float(Double(value) / 0x1p31)
            }
        }
    }
}

extension [UInt8] {
    /// The unsigned little-endian number of `bytes` bytes at `offset`, which must lie within.
    fileprivate func littleEndian(at offset: Int, bytes: Int) -> Int {
        (0..<bytes).reduce(0) { $0 | Int(self[offset + $1]) << (8 * $1) }
    }
}
