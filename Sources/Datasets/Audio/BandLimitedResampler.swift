import Foundation

/// Changes a signal's sample rate by band-limited interpolation.
///
/// Output sample n lies at input position n R, R = input rate / output rate, and is
///
///     y[n] = Σ_i x[i] · (f / r) · sinc(t) · cos²(π t / 2Z),  t = f (i / r − n / s),  |t| < Z
///
/// with the two rates r and s divided by their greatest common divisor, f = ρ min(r, s): a sinc low-pass below half the
/// lower rate under a Hann window of Z zero crossings a side (J. O. Smith, "Digital audio resampling home page", 2002).
/// Outside of the signal x is 0, and the output has ⌈count · s / r⌉ samples. With Z = 6 and ρ = 0.99, the defaults of
/// `torchaudio.transforms.Resample` that the FedMultimodal benchmark uses, it gives that function's numbers; a larger Z
/// suppresses more of what would alias and costs in proportion. Sums are taken in Float64.
public struct BandLimitedResampler: Sendable {
    /// The rates accepted, in Hz.
    public static let rates = 100...1_000_000
    /// The most weights kept.
    static let maximumWeights = 1 << 24

    /// The rate of the signals taken, in Hz.
    public let inputRate: Int
    /// The rate of the signals given, in Hz.
    public let outputRate: Int
    /// r and s: the pattern of weights repeats after r input and s output samples.
    private let inputPeriod: Int
    private let outputPeriod: Int
    /// For each of the s phases the first input sample, counted from the period's beginning, and the weights.
    private let firsts: [Int]
    private let weights: [[Double]]

    /// Makes the weights.
    ///
    /// - Parameters:
    ///   - inputRate: samples a second of what is taken.
    ///   - outputRate: samples a second of what is given.
    ///   - zeroCrossings: Z, 1 to 256.
    ///   - rolloff: ρ, above 0 and at most 1.
    /// - Throws: `DatasetError` with code `invalidArgument` for a number out of range, `tooLarge` when the two rates need
    ///   too many different weights.
    public init(
        from inputRate: Int, to outputRate: Int, zeroCrossings: Int = 6, rolloff: Double = 0.99
    ) throws(DatasetError) {
        guard Self.rates.contains(inputRate), Self.rates.contains(outputRate), (1...256).contains(zeroCrossings),
            rolloff > 0, rolloff <= 1
        else {
            throw DatasetError(
                .invalidArgument,
                "resampling from \(inputRate) to \(outputRate) Hz, \(zeroCrossings) zero crossings, roll-off \(rolloff): "
                    + "expected rates of \(Self.rates), 1...256 crossings and a roll-off above 0 and at most 1")
        }
        self.inputRate = inputRate
        self.outputRate = outputRate
        let divisor = Self.greatestCommonDivisor(inputRate, outputRate)
        inputPeriod = inputRate / divisor
        outputPeriod = outputRate / divisor
        let input = Double(inputPeriod)
        let cutoff = Double(min(inputPeriod, outputPeriod)) * rolloff
        let crossings = Double(zeroCrossings)
        let reach = crossings / cutoff * input
        guard (2 * reach + 2) * Double(outputPeriod) <= Double(Self.maximumWeights) else {
            throw DatasetError(
                .tooLarge,
                "resampling from \(inputRate) to \(outputRate) Hz needs more than \(Self.maximumWeights) weights: the rates' "
                    + "greatest common divisor is \(divisor)")
        }
        var firsts: [Int] = []
        var weights: [[Double]] = []
        guard inputPeriod != outputPeriod else {
            (self.firsts, self.weights) = ([0], [[1]])
            return
        }
        for phase in 0..<outputPeriod {
            let position = Double(phase) / Double(outputPeriod)
            let centre = position * input
            let first = Int((centre - reach).rounded(.up))
            let last = Int((centre + reach).rounded(.down))
            firsts.append(first)
            weights.append(
                (first...last).map { index in
                    let t = (Double(index) / input - position) * cutoff
                    guard abs(t) < crossings else { return 0 }
                    let window = cos(t * .pi / crossings / 2)
                    let sinc = t == 0 ? 1 : sin(t * .pi) / (t * .pi)
                    return sinc * window * window * cutoff / input
                })
        }
        self.firsts = firsts
        self.weights = weights
    }

    /// The number of samples that `count` samples become.
    public func outputCount(for count: Int) -> Int {
        (count * outputPeriod + inputPeriod - 1) / inputPeriod
    }

    /// The signal at the new rate.
    public func resample(_ signal: [Float]) -> [Float] {
        guard inputPeriod != outputPeriod else { return signal }
        return signal.withUnsafeBufferPointer { input in
            (0..<outputCount(for: input.count)).map { index in
                let (period, phase) = index.quotientAndRemainder(dividingBy: outputPeriod)
                let first = firsts[phase] + period * inputPeriod
                let weights = weights[phase]
                var sum = 0.0
                for tap in max(0, -first)..<max(0, -first, min(weights.count, input.count - first)) {
                    sum += weights[tap] * Double(input[first + tap])
                }
                return Float(sum)
            }
        }
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        b == 0 ? a : greatestCommonDivisor(b, a % b)
    }
}
