import Foundation

/// The logarithm of the energies of a bank of mel-spaced triangular filters, frame by frame.
///
/// The numbers are those of Kaldi's `fbank` as `torchaudio.compliance.kaldi.fbank` computes it with a Hamming window and
/// no dither, which the FedMultimodal benchmark calls "MFCC". For each frame of L samples, the last incomplete one left
/// out (`snip_edges`):
///
/// 1. the frame's mean is taken off;
/// 2. pre-emphasis: x[n] ← x[n] − 0.97 x[n − 1], the first sample being its own predecessor;
/// 3. x[n] ← x[n] (0.54 − 0.46 cos(2π n / (L − 1))), then zeros up to the next power of two, P;
/// 4. the power spectrum |X[k]|², k < P/2;
/// 5. filter b of B is a triangle on the mel scale, mel(f) = 1127 ln(1 + f / 700), with corners at the points b, b + 1
///    and b + 2 of B + 2 even steps from the low to the high frequency; its energy is the weighted sum of the powers;
/// 6. the natural logarithm of the energy, at least Float32's machine epsilon.
///
/// Samples are in −1 ... 1, as audio files are read; Kaldi itself takes 16-bit numbers, which adds 2 ln 32768 to every
/// value. All is computed in Float64.
public struct LogMelFilterbank: Sendable {
    /// What is computed.
    public struct Configuration: Sendable, Hashable {
        /// Samples a second.
        public var sampleRate = 16000
        /// The length of a frame, in milliseconds.
        public var frameLength = 25
        /// The distance between two frames' beginnings, in milliseconds.
        public var frameShift = 10
        /// The number of filters.
        public var bins = 80
        /// Where the first filter begins, in Hz.
        public var lowFrequency = 20.0
        /// The pre-emphasis coefficient.
        public var preemphasis = 0.97

        /// 80 filters over frames of 25 ms every 10 ms, 16 kHz.
        public init() {}

        /// The same with other frames, both in milliseconds.
        public init(frameLength: Int, frameShift: Int) {
            self.frameLength = frameLength
            self.frameShift = frameShift
        }
    }

    /// One filter: weights of neighbouring powers, from `first` on.
    private struct Filter: Sendable {
        var first: Int
        var weights: [Double]
    }

    /// The smallest energy, Float32's machine epsilon.
    public static let energyFloor = Double(Float.ulpOfOne)

    /// What is computed.
    public let configuration: Configuration
    /// Samples of a frame.
    public let frameSamples: Int
    /// Samples between two frames' beginnings.
    public let shiftSamples: Int
    private let window: [Double]
    private let filters: [Filter]
    private let transform: RealFFT

    /// Makes the window and the filters.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` for a number out of range.
    public init(_ configuration: Configuration = Configuration()) throws(DatasetError) {
        let nyquist = Double(configuration.sampleRate) / 2
        guard (1000...384_000).contains(configuration.sampleRate), (1...1000).contains(configuration.frameLength),
            (1...1000).contains(configuration.frameShift), (1...4096).contains(configuration.bins),
            (0..<nyquist).contains(configuration.lowFrequency), (0...1).contains(configuration.preemphasis)
        else {
            throw DatasetError(
                .invalidArgument,
                "filterbank \(configuration): expected a rate of 1000...384000 Hz, frames and shifts of 1...1000 ms, "
                    + "1...4096 bins, a low frequency below half the rate and a pre-emphasis of 0...1")
        }
        self.configuration = configuration
        frameSamples = configuration.sampleRate * configuration.frameLength / 1000
        shiftSamples = max(1, configuration.sampleRate * configuration.frameShift / 1000)
        guard frameSamples >= 2 else {
            throw DatasetError(
                .invalidArgument, "filterbank \(configuration): \(frameSamples) samples a frame, expected at least 2")
        }
        window = (0..<frameSamples).map { [frameSamples] in
            0.54 - 0.46 * cos(2 * .pi * Double($0) / Double(frameSamples - 1))
        }
        var padded = 2
        while padded < frameSamples { padded *= 2 }
        transform = RealFFT(count: padded)
        filters = Self.filters(configuration, powers: padded / 2)
    }

    /// The number of whole frames in a signal of `samples` samples.
    public func frames(in samples: Int) -> Int {
        samples < frameSamples ? 0 : 1 + (samples - frameSamples) / shiftSamples
    }

    /// The values of a signal, row-major `[frames(in: signal.count), bins]`; fewer frames with `maximumFrames`.
    public func features(of signal: [Float], maximumFrames: Int = .max) -> [Float] {
        let count = min(frames(in: signal.count), max(0, maximumFrames))
        var transform = transform
        var frame = [Double](repeating: 0, count: transform.count)
        var power = [Double](repeating: 0, count: transform.count / 2 + 1)
        var values: [Float] = []
        values.reserveCapacity(count * configuration.bins)
        for index in 0..<count {
            take(signal[(index * shiftSamples)...].prefix(frameSamples), into: &frame)
            transform.powerSpectrum(of: frame, into: &power)
            for filter in filters {
                var energy = 0.0
                for (offset, weight) in filter.weights.enumerated() { energy += weight * power[filter.first + offset] }
                values.append(Float(log(max(energy, Self.energyFloor))))
            }
        }
        return values
    }

    /// Steps 1 to 3; what lies behind the frame stays zero.
    private func take(_ samples: ArraySlice<Float>, into frame: inout [Double]) {
        var sum = 0.0
        for sample in samples { sum += Double(sample) }
        let mean = sum / Double(frameSamples)
        var previous = samples.first.map { Double($0) - mean } ?? 0
        for (index, sample) in samples.enumerated() {
            let centred = Double(sample) - mean
            frame[index] = (centred - configuration.preemphasis * previous) * window[index]
            previous = centred
        }
    }

    private static func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }

    /// Step 5's triangles over the first `powers` frequencies of the spectrum.
    private static func filters(_ configuration: Configuration, powers: Int) -> [Filter] {
        let width = Double(configuration.sampleRate) / Double(2 * powers)
        let mels = (0..<powers).map { mel(width * Double($0)) }
        let low = mel(configuration.lowFrequency)
        let step = (mel(Double(configuration.sampleRate) / 2) - low) / Double(configuration.bins + 1)
        return (0..<configuration.bins).map { bin in
            let left = low + Double(bin) * step
            let centre = low + Double(bin + 1) * step
            let right = low + Double(bin + 2) * step
            let weights = mels.map { max(0, min(($0 - left) / (centre - left), (right - $0) / (right - centre))) }
            guard let first = weights.firstIndex(where: { $0 > 0 }), let last = weights.lastIndex(where: { $0 > 0 })
            else { return Filter(first: 0, weights: []) }
            return Filter(first: first, weights: Array(weights[first...last]))
        }
    }
}
