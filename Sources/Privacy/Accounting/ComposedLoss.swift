internal import Foundation

/// The privacy loss of many releases, seen from one of the two neighbours.
struct ComposedLoss: Sendable {
    private let masses: [Double]
    private let first: Int
    private let infinity: Double
    private let interval: Double

    /// The mass that the window may leave out at each end; it is counted as infinite loss.
    private static let tail = 1e-15

    /// The largest transform, in numbers.
    static let largest = 1 << 22

    /// Composes releases of different kinds, each so many times, on one grid.
    ///
    /// The window holds all but ``tail`` of the mass at either end by Chernoff's bound; a circular convolution puts what
    /// lies outside somewhere inside, and it is charged as infinite loss on top.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` when the window has more than ``largest`` places.
    init(_ parts: [(loss: PrivacyLoss, count: Int)], interval: Double) throws(PrivacyError) {
        self.interval = interval
        let window = Self.window(parts, interval)
        var size = 1
        // Every single distribution has to fit too.
        let longest = parts.map(\.loss.masses.count).max() ?? 1
        while size < max(window.count, longest) + 1 { size *= 2 }
        guard size <= Self.largest else {
            throw PrivacyError(
                .invalidParameter,
                "privacy loss: \(window.count) places of \(interval), expected at most \(Self.largest): the noise is too "
                    + "small for this accountant, use rdp")
        }
        let transform = FourierTransform(count: size)
        var (real, imaginary) = ([Double](repeating: 1, count: size), [Double](repeating: 0, count: size))
        var finite = 0.0
        var offset = 0
        for (loss, count) in parts {
            var re = loss.masses + [Double](repeating: 0, count: size - loss.masses.count)
            var im = [Double](repeating: 0, count: size)
            transform.forward(&re, &im)
            for index in 0..<size {
                let (pr, pi) = Self.power(re[index], im[index], count)
                let (r, i) = (real[index], imaginary[index])
                real[index] = r * pr - i * pi
                imaginary[index] = r * pi + i * pr
            }
            offset += loss.first * count
            finite += Double(count) * log1p(-min(loss.infinity, 1))
        }
        transform.inverse(&real, &imaginary)
        // Place p of the transform is the loss (offset + p + any multiple of size).
        var ordered = [Double](repeating: 0, count: size)
        for index in 0..<size {
            var place = (window.lowerBound + index - offset) % size
            if place < 0 { place += size }
            ordered[index] = max(0, real[place])
        }
        masses = ordered
        first = window.lowerBound
        infinity = -expm1(finite) + 2 * Self.tail
    }

    /// z^n by repeated squaring.
    private static func power(_ re: Double, _ im: Double, _ count: Int) -> (Double, Double) {
        var (resultRe, resultIm) = (1.0, 0.0)
        var (baseRe, baseIm) = (re, im)
        var rest = count
        while rest > 0 {
            if rest & 1 == 1 {
                (resultRe, resultIm) = (resultRe * baseRe - resultIm * baseIm, resultRe * baseIm + resultIm * baseRe)
            }
            (baseRe, baseIm) = (baseRe * baseRe - baseIm * baseIm, 2 * baseRe * baseIm)
            rest >>= 1
        }
        return (resultRe, resultIm)
    }

    /// Where the sum lies but for ``tail`` at either end: for every λ > 0, P(sum > u) ≤ e^(log E e^(λ sum) − λu).
    private static func window(_ parts: [(loss: PrivacyLoss, count: Int)], _ interval: Double) -> ClosedRange<Int> {
        var high = parts.reduce(0) { $0 + ($1.loss.first + $1.loss.masses.count - 1) * $1.count }
        var low = parts.reduce(0) { $0 + $1.loss.first * $1.count }
        for exponent in -4...14 {
            let lambda = pow(2, Double(exponent) / 2)
            let above = parts.reduce(0.0) { $0 + Double($1.count) * $1.loss.logMoment(lambda) }
            let below = parts.reduce(0.0) { $0 + Double($1.count) * $1.loss.logMoment(-lambda) }
            let upper = (above - log(tail)) / (lambda * interval)
            let lower = -(below - log(tail)) / (lambda * interval)
            if upper.isFinite { high = min(high, Int(upper.rounded(.up))) }
            if lower.isFinite { low = max(low, Int(lower.rounded(.down))) }
        }
        return low...max(low + 1, high)
    }

    /// The smallest ε ≥ 0 with δ(ε) = P(∞) + Σ_{loss > ε} mass (1 − e^(ε − loss)) ≤ `delta`; infinity when there is none.
    func epsilon(delta: Double) -> Double {
        guard infinity <= delta else { return .infinity }
        var above = infinity
        var scaled = 0.0
        for index in masses.indices.reversed() {
            let loss = Double(first + index) * interval
            if loss <= 0 { break }
            above += masses[index]
            scaled += masses[index] * exp(-loss)
            guard above > delta, scaled > 0 else { continue }
            let candidate = log((above - delta) / scaled)
            if candidate >= loss - interval { return max(0, candidate) }
        }
        return 0
    }
}
