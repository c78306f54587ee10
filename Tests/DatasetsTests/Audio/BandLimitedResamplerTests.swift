import Datasets
import Foundation
import Testing

@Suite struct BandLimitedResamplerTests {
    @Test(arguments: [
        (44100, 16000, 700), (48000, 16000, 301), (22050, 16000, 250), (8000, 16000, 120), (11025, 16000, 1),
    ])
    func agreesWithTorchaudio(source: Int, target: Int, count: Int) throws {
        let golden = try #require(AudioGolden.read().resampled["\(source) \(target) \(count)"])
        let resampler = try BandLimitedResampler(from: source, to: target)
        let values = resampler.resample(AudioGolden.signal(count))
        #expect(resampler.outputCount(for: count) == golden.count)
        #expect(values.count == golden.count)
        #expect((zip(values, golden).map { abs($0 - $1) }.max() ?? .infinity) < 2e-6)
    }

    /// Away from the ends a tone in the band comes out as the same tone at the new rate.
    @Test(arguments: [44100, 48000, 22050, 8000])
    func aToneKeepsFrequencyAndLevel(rate: Int) throws {
        for frequency in [200.0, 1000, 3000] {
            let output = try BandLimitedResampler(from: rate, to: 16000, zeroCrossings: 32)
                .resample(sine(frequency, rate: rate, count: rate / 4))
            let expected = sine(frequency, rate: 16000, count: output.count)
            let worst = (500..<output.count - 500).map { abs(output[$0] - expected[$0]) }.max() ?? .infinity
            #expect(worst < 2e-4, "\(rate) Hz, \(frequency) Hz: \(worst)")
        }
    }

    /// What lies above half the new rate must not come back as another tone.
    @Test func tonesAboveTheBandAreSuppressed() throws {
        for (crossings, bound) in [(6, 0.005), (64, 1e-5)] {
            let resampler = try BandLimitedResampler(from: 44100, to: 16000, zeroCrossings: crossings)
            for frequency in [11000.0, 15000, 21000] {
                let output = resampler.resample(sine(frequency, rate: 44100, count: 11025))
                let inner = output[500..<output.count - 500]
                let level = (inner.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(inner.count)).squareRoot()
                #expect(level < bound, "\(crossings) crossings, \(frequency) Hz: \(level)")
            }
        }
    }

    @Test func theSameRateChangesNothing() throws {
        let signal = AudioGolden.signal(100)
        #expect(try BandLimitedResampler(from: 16000, to: 16000).resample(signal) == signal)
        #expect(try BandLimitedResampler(from: 44100, to: 16000).resample([]).isEmpty)
    }

    @Test func numbersOutOfRangeAreRefused() {
        #expect(throws: DatasetError.self) { try BandLimitedResampler(from: 0, to: 16000) }
        #expect(throws: DatasetError.self) { try BandLimitedResampler(from: 16000, to: 2_000_000) }
        #expect(throws: DatasetError.self) { try BandLimitedResampler(from: 8000, to: 16000, zeroCrossings: 0) }
        #expect(throws: DatasetError.self) { try BandLimitedResampler(from: 8000, to: 16000, rolloff: 1.5) }
        let error = #expect(throws: DatasetError.self) {
            try BandLimitedResampler(from: 999_983, to: 16000, zeroCrossings: 256)
        }
        #expect(error?.code == .tooLarge)
    }
}
