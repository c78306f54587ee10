import Foundation

/// The discrete Fourier transform of real signals whose length is a power of two, in Float64.
///
/// X[k] = Σ_n x[n] e^(−2πi k n / N) for k = 0 ... N/2. The even and odd samples are taken as the real and imaginary part
/// of one signal of N/2, which a radix-2 transform (J. W. Cooley, J. W. Tukey, 1965) turns into both spectra at once;
/// O(N log N). A value keeps its tables and its working memory; copies are independent.
public struct RealFFT: Sendable {
    /// The longest signal.
    public static let maximumCount = 1 << 20

    /// N, the length of the signal.
    public let count: Int
    /// e^(−2πi k / N), k < N/2.
    private let cosines: [Double]
    private let sines: [Double]
    /// The order that the half-length transform starts in.
    private let order: [Int]
    private var real: [Double]
    private var imaginary: [Double]

    /// Makes the tables for signals of `count` samples: a power of two, 2 to 2^20; anything else is a programmer error.
    public init(count: Int) {
        precondition(
            (2...Self.maximumCount).contains(count) && count & (count - 1) == 0,
            "a transform's length must be a power of two in 2...\(Self.maximumCount), got \(count)")
        self.count = count
        let half = count / 2
        let angles = (0..<half).map { -2 * Double.pi * Double($0) / Double(count) }
        cosines = angles.map { cos($0) }
        sines = angles.map { sin($0) }
        let bits = half.trailingZeroBitCount
        order = (0..<half).map { index in
            (0..<bits).reduce(0) { $0 << 1 | (index >> $1) & 1 }
        }
        real = Array(repeating: 0, count: half + 1)
        imaginary = real
    }

    /// The spectrum X[0] ... X[N/2] of `signal`, which holds `count` samples.
    public mutating func spectrum(of signal: [Double]) -> (real: [Double], imaginary: [Double]) {
        transform(signal)
        return (real, imaginary)
    }

    /// Writes |X[k]|², k = 0 ... N/2, into `power`, which must hold N/2 + 1 numbers.
    public mutating func powerSpectrum(of signal: [Double], into power: inout [Double]) {
        precondition(
            power.count == count / 2 + 1, "the power spectrum of \(count) samples has \(count / 2 + 1) numbers")
        transform(signal)
        for index in power.indices { power[index] = real[index] * real[index] + imaginary[index] * imaginary[index] }
    }

    private mutating func transform(_ signal: [Double]) {
        precondition(signal.count == count, "the transform is for \(count) samples, got \(signal.count)")
        let half = count / 2
        for (index, source) in order.enumerated() {
            real[index] = signal[2 * source]
            imaginary[index] = signal[2 * source + 1]
        }
        var span = 1
        while span < half {
            let stride = half / span
            for start in Swift.stride(from: 0, to: half, by: 2 * span) {
                for offset in 0..<span {
                    let low = start + offset
                    let high = low + span
                    let c = cosines[offset * stride]
                    let s = sines[offset * stride]
                    let re = real[high] * c - imaginary[high] * s
                    let im = real[high] * s + imaginary[high] * c
                    real[high] = real[low] - re
                    imaginary[high] = imaginary[low] - im
                    real[low] += re
                    imaginary[low] += im
                }
            }
            span *= 2
        }
        separate()
    }

    /// Takes the spectra of the even samples, E, and the odd ones, O, apart: X[k] = E[k] + e^(−2πi k / N) O[k].
    private mutating func separate() {
        let half = count / 2
        real[half] = real[0] - imaginary[0]
        real[0] += imaginary[0]
        imaginary[0] = 0
        imaginary[half] = 0
        var low = 1
        while low <= half - low {
            let high = half - low
            let evenRe = (real[low] + real[high]) / 2
            let evenIm = (imaginary[low] - imaginary[high]) / 2
            let oddRe = (imaginary[low] + imaginary[high]) / 2
            let oddIm = (real[high] - real[low]) / 2
            let turnedRe = oddRe * cosines[low] - oddIm * sines[low]
            let turnedIm = oddRe * sines[low] + oddIm * cosines[low]
            real[low] = evenRe + turnedRe
            imaginary[low] = evenIm + turnedIm
            // X[N/2 − k] is the conjugate of E[k] − e^(…) O[k].
            real[high] = evenRe - turnedRe
            imaginary[high] = turnedIm - evenIm
            low += 1
        }
    }
}
