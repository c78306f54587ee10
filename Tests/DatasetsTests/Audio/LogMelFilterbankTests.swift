import Datasets
import Foundation
import TestSupport
import Testing

@Suite struct LogMelFilterbankTests {
    @Test(arguments: [(25, 10, 14), (40, 20, 6)])
    func agreesWithTorchaudio(length: Int, shift: Int, frames: Int) throws {
        let golden = try #require(AudioGolden.read().filterbank["\(length) \(shift)"])
        let bank = try LogMelFilterbank(.init(frameLength: length, frameShift: shift))
        let values = bank.features(of: AudioGolden.signal(2500))
        #expect(bank.frames(in: 2500) == frames)
        #expect(values.count == golden.count && golden.count == frames * 80)
        let worst = zip(values, golden).map { abs($0 - $1) }.max() ?? .infinity
        #expect(worst < 1e-4, "the largest distance is \(worst)")
        #expect(bank.features(of: AudioGolden.signal(2500), maximumFrames: 2) == Array(values[..<160]))
    }

    @Test func aToneLightsTheFilterAroundIt() throws {
        let bank = try LogMelFilterbank()
        func mel(_ frequency: Double) -> Double { 1127 * log(1 + frequency / 700) }
        for frequency in [300.0, 1000, 3500, 7000] {
            let frame = bank.features(of: sine(frequency, rate: 16000, count: 400))
            let loudest = try #require(frame.indices.max { frame[$0] < frame[$1] })
            let step = (mel(8000) - mel(20)) / 81
            let centre = mel(20) + Double(loudest + 1) * step
            #expect(abs(centre - mel(frequency)) < 1.1 * step, "\(frequency) Hz")
        }
    }

    @Test func silenceAndShortSignals() throws {
        let bank = try LogMelFilterbank()
        #expect(bank.frames(in: 399) == 0 && bank.frames(in: 400) == 1 && bank.frames(in: 560) == 2)
        #expect(bank.features(of: []).isEmpty)
        let floor = Float(log(LogMelFilterbank.energyFloor))
        // The mean is taken off, so a constant is silence too.
        #expect(bank.features(of: Array(repeating: 0.25, count: 400)).allSatisfy { $0 == floor })
    }

    @Test func numbersOutOfRangeAreRefused() {
        var rate = LogMelFilterbank.Configuration()
        rate.sampleRate = 10
        var low = LogMelFilterbank.Configuration()
        low.lowFrequency = 8000
        var bins = LogMelFilterbank.Configuration()
        bins.bins = 0
        for configuration in [rate, low, bins, .init(frameLength: 0, frameShift: 10)] {
            #expect(throws: DatasetError.self) { try LogMelFilterbank(configuration) }
        }
    }
}

@Suite struct AudioFeaturesTests {
    private func configuration(_ normalisation: AudioFeatures.Normalisation, frames: Int = 8)
        -> AudioFeatures.Configuration
    {
        .init(filterbank: .init(), maximumFrames: frames, normalisation: normalisation)
    }

    /// Mean and population deviation of one bin over frames.
    private func moments(_ frames: [[Float]], bin: Int) -> (mean: Double, deviation: Double) {
        let values = frames.map { Double($0[bin]) }
        let mean = values.reduce(0, +) / Double(values.count)
        return (mean, (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot())
    }

    private func frames(_ block: AudioFeatures.Block, row: Int, of count: Int) -> [[Float]] {
        (0..<block.lengths[row]).map { frame in
            let start = (row * count + frame) * 80
            return Array(block.values[start..<start + 80])
        }
    }

    @Test func padsAndCuts() throws {
        let features = try AudioFeatures(configuration(.none, frames: 3))
        #expect(features.modality == Modality(name: "audio", shape: [3, 80], hasLengths: true))
        let long = AudioGolden.signal(2000)
        let block = try features.block(signals: [Array(long[..<400]), long, []])
        #expect(block.lengths == [1, 3, 0])
        #expect(block.values.count == 3 * 3 * 80)
        #expect(block.values[80..<240].allSatisfy { $0 == 0 })
        #expect(Array(block.values[240..<480]) == (try LogMelFilterbank().features(of: long, maximumFrames: 3)))
    }

    @Test func utterancesAreNormalisedBeforeTheyAreCut() throws {
        let signal = AudioGolden.signal(1600)
        let whole = try AudioFeatures(configuration(.utterance, frames: 20)).block(signals: [signal])
        let cut = try AudioFeatures(configuration(.utterance, frames: 3)).block(signals: [signal])
        #expect(whole.lengths == [8])
        #expect(cut.values == Array(whole.values[..<240]))
        for bin in [0, 40, 79] {
            let (mean, deviation) = moments(frames(whole, row: 0, of: 20), bin: bin)
            #expect(abs(mean) < 1e-5 && abs(deviation - 1) < 1e-3)
        }
    }

    @Test func groupsAreNormalisedOverTheirKeptFrames() throws {
        let signals = (0..<4).map { row in
            AudioGolden.signal(900 + 200 * row, seed: UInt32(row)).map { $0 * Float(row + 1) }
        }
        let raw = try AudioFeatures(configuration(.none, frames: 4)).block(signals: signals)
        let block = try AudioFeatures(configuration(.group, frames: 4))
            .block(signals: signals, groups: ["a", "b", "a", "b"])
        #expect(block.lengths == [4, 4, 4, 4])
        for rows in [[0, 2], [1, 3]] {
            let before = rows.flatMap { frames(raw, row: $0, of: 4) }
            let after = rows.flatMap { frames(block, row: $0, of: 4) }
            for bin in [0, 33, 79] {
                let (mean, deviation) = moments(before, bin: bin)
                for (old, new) in zip(before, after) {
                    #expect(abs(Double(new[bin]) - (Double(old[bin]) - mean) / (deviation + 1e-5)) < 1e-5)
                }
            }
        }
        #expect(throws: DatasetError.self) {
            try AudioFeatures(configuration(.group)).block(signals: signals, groups: ["a"])
        }
    }

    @Test func filesAreMixedAndResampled() throws {
        let folder = try TemporaryFolder()
        let stereo = AudioGolden.signal(1200).flatMap { [$0, -0.5 * $0] }
        try folder.write(WAVBytes(rate: 32000, channels: 2, bits: 32, isFloat: true).file(stereo), to: "a.wav")
        let features = try AudioFeatures(configuration(.none))
        let block = try features.read(files: [folder.file("a.wav")])
        let mono = try BandLimitedResampler(from: 32000, to: 16000)
            .resample(AudioGolden.signal(1200).map { Float((Double($0) + Double(-0.5 * $0)) / 2) })
        #expect(block == (try features.block(signals: [mono])))
        let error = try #require(throws: DatasetError.self) { try features.read(files: [folder.file("b.wav")]) }
        #expect(error.code == .missing)
        #expect(error.message.contains("b.wav"))
    }
}
