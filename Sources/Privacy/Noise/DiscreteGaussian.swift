/// Whole numbers k with probability proportional to e^(−k²/(2σ²)), exactly: only whole numbers are computed with, so that
/// nothing leaks through the rounding of floating-point noise.
///
/// C. Canonne, G. Kamath, T. Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020, algorithms 1 to 3.
/// For whole-number sensitivities it costs what the continuous Gaussian of the same σ costs (theorem 4 there).
public struct DiscreteGaussian: Sendable {
    /// σ, from 1 to 2²⁰.
    public let sigma: UInt64

    /// The largest σ: then every product stays below 2¹²⁸ for draws up to 2⁸ σ away.
    public static let largestSigma: UInt64 = 1 << 20

    /// A distribution.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` for a σ outside 1 to 2²⁰.
    public init(sigma: UInt64) throws(PrivacyError) {
        guard (1...Self.largestSigma).contains(sigma) else {
            throw PrivacyError(
                .invalidParameter, "discrete Gaussian: found sigma \(sigma), expected 1 to \(Self.largestSigma)")
        }
        self.sigma = sigma
    }

    /// One draw.
    public func draw(_ words: inout NoiseWords) -> Int64 {
        let scale = UInt128(sigma) + 1
        let square = UInt128(sigma) * UInt128(sigma)
        while true {
            let candidate = Self.laplace(scale, &words)
            let magnitude = UInt128(candidate.magnitude)
            // e^(−(|y| − σ²/t)² / (2σ²)) with t = σ + 1, over the common denominator 2σ²t².
            let product = magnitude * scale
            let distance = product > square ? product - square : square - product
            // Beyond 2⁸ σ the probability is below e^(−2¹⁵): such a candidate is refused without a draw.
            guard distance < scale * square * 256 else { continue }
            if Self.bernoulliExponential(distance * distance, 2 * square * scale * scale, &words) { return candidate }
        }
    }

    /// A whole number with probability proportional to e^(−|k|/t).
    static func laplace(_ scale: UInt128, _ words: inout NoiseWords) -> Int64 {
        while true {
            let remainder = words.below(scale)
            guard bernoulliExponential(remainder, scale, &words) else { continue }
            var quotient: UInt128 = 0
            while bernoulliExponential(1, 1, &words) { quotient += 1 }
            let magnitude = Int64(remainder + quotient * scale)
            let isNegative = words.below(2) == 1
            if isNegative, magnitude == 0 { continue }
            return isNegative ? -magnitude : magnitude
        }
    }

    /// True with probability e^(−n/d).
    static func bernoulliExponential(_ numerator: UInt128, _ denominator: UInt128, _ words: inout NoiseWords) -> Bool {
        var rest = numerator
        while rest > denominator {
            guard bernoulliSmall(denominator, denominator, &words) else { return false }
            rest -= denominator
        }
        return bernoulliSmall(rest, denominator, &words)
    }

    /// True with probability e^(−n/d) for n ≤ d: the parity of the first k at which Bernoulli(n/(d·k)) fails.
    private static func bernoulliSmall(
        _ numerator: UInt128, _ denominator: UInt128, _ words: inout NoiseWords
    ) -> Bool {
        var k: UInt128 = 1
        while words.below(denominator * k) < numerator { k += 1 }
        return k & 1 == 1
    }
}
