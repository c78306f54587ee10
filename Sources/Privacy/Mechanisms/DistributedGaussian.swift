internal import Foundation

/// The numbers of rounds whose noise the clients add themselves, under secure aggregation: each adds a discrete Gaussian to
/// its clipped update on a lattice, and nobody sees anything but the sum.
///
/// P. Kairouz, Z. Liu, T. Steinke, "The distributed discrete Gaussian mechanism for federated learning with secure
/// aggregation", ICML 2021. Sums are taken modulo 2³², which leaves room for every coordinate as it is: the rotation that
/// the paper needs for a small modulus is not needed.
///
/// With n = ``contributors`` (the fewest clients whose noise is in a sum), the clipping norm C and the wanted multiplier z, a
/// client's noise has the deviation zC/√n, which is ``sigma`` steps γ. The rounded update has at most the norm
/// Δ = γ · ``normBound``, so that one round is ½ε²-concentrated for ε = 1 / ``multiplier``.
public struct DistributedGaussian: Sendable, Hashable {
    /// The probability that any element of a round's noisy sum leaves the range of sums modulo 2³² and comes out wrong.
    public static let wrapProbability = 0x1p-40
    /// What the condition on rounding may refuse at most: β = e^(−½), as in the paper's experiments.
    static let refusal = exp(-0.5)

    /// C.
    public let clipNorm: Double
    /// γ, the distance of two points of the lattice.
    public let step: Double
    /// The deviation of one client's noise, in steps: a power of two.
    public let sigma: UInt64
    /// The largest absolute value of an element that is not limited before it is rounded.
    public let range: Double
    /// The largest absolute value of a rounded element, in steps.
    public let limit: Int64
    /// n.
    public let contributors: Int
    /// d, how many elements an update has.
    public let parameters: Int

    /// The numbers for jobs of a kind.
    ///
    /// γ is the smallest for which σ is at most 2²⁰ steps and the sum of `cohort` noisy updates stays in range but for
    /// ``wrapProbability``: a discrete Gaussian is subgaussian, so each of d sums of noise is larger than
    /// σ√(2 · cohort · ln(2d/p)) with the probability p/d at most.
    ///
    /// - Parameters:
    ///   - noiseMultiplier: z, of the sum.
    ///   - cohort: the most updates in a sum.
    ///   - contributors: the fewest clients in a sum whose noise counts.
    ///   - range: limits every element besides; nil for C, which limits none.
    /// - Throws: ``PrivacyError`` `invalidParameter` for numbers out of their ranges, and when no lattice has the room.
    public init(
        clipNorm: Double, noiseMultiplier: Double, cohort: Int, contributors: Int, parameters: Int,
        range: Double? = nil
    ) throws(PrivacyError) {
        func require(_ holds: Bool, _ what: String) throws(PrivacyError) {
            if !holds { throw PrivacyError(.invalidParameter, "distributed noise: \(what)") }
        }
        try require(clipNorm.isFinite && clipNorm > 0, "found the clipping norm \(clipNorm), expected more than 0")
        try require(
            noiseMultiplier.isFinite && noiseMultiplier > 0,
            "found the noise multiplier \(noiseMultiplier), expected more than 0")
        try require(
            contributors >= 1 && contributors <= cohort,
            "found \(contributors) clients whose noise counts, expected 1 to \(cohort), the cohort")
        try require(parameters >= 1, "found \(parameters) elements of an update, expected at least 1")
        let range = min(range ?? clipNorm, clipNorm)
        try require(range > 0, "found range \(range), expected more than 0")
        let deviation = noiseMultiplier * clipNorm / Double(contributors).squareRoot()
        let tail = (2 * Double(cohort) * log(2 * Double(parameters) / Self.wrapProbability)).squareRoot()
        for exponent in (1...20).reversed() {
            let sigma = UInt64(1) << UInt64(exponent)
            let step = deviation / Double(sigma)
            let limit = (range / step).rounded(.up)
            guard step > 0, Double(cohort) * limit + Double(sigma) * tail <= Double(Int32.max) else { continue }
            self.clipNorm = clipNorm
            self.step = step
            self.sigma = sigma
            self.range = range
            self.limit = Int64(limit)
            self.contributors = contributors
            self.parameters = parameters
            return
        }
        throw PrivacyError(
            .invalidParameter,
            "distributed noise: sums of \(cohort) updates clipped to \(clipNorm) with the multiplier \(noiseMultiplier) do "
                + "not fit 32 bits, expected fewer clients a round, more noise or a smaller range")
    }

    /// The most that a rounded update's norm may be, in steps: with c = C/γ the smaller of c + √d and
    /// √(c² + d/4 + √(2 ln(1/β)) (c + √d/2)). Roundings beyond are drawn again.
    public var normBound: Double { squaredNormBound.squareRoot() }

    var squaredNormBound: Double {
        let scaled = clipNorm / step
        let root = Double(parameters).squareRoot()
        let always = (scaled + root) * (scaled + root)
        let usually =
            scaled * scaled + Double(parameters) / 4
            + (-2 * log(Self.refusal)).squareRoot() * (scaled + root / 2)
        return min(always, usually)
    }

    /// τ = 10 Σ_{k=1}^{n−1} e^(−2π²σ² k/(k+1)): how far one coordinate of the sum of n discrete Gaussians is from one discrete
    /// Gaussian of n times the variance, as the logarithm of the largest ratio of their probabilities (theorem 1).
    public var excess: Double { Self.excess(sigma: Double(sigma), count: contributors) }

    static func excess(sigma: Double, count: Int) -> Double {
        var total = 0.0
        for k in 1..<max(2, count) where k < count {
            total += exp(-2 * Double.pi * Double.pi * sigma * sigma * Double(k) / Double(k + 1))
        }
        return 10 * total
    }

    /// The multiplier that accountants may take one round for: 1/ε with
    /// ε = min(√(Δ²/(nσ²) + 2τd), Δ/(√n σ) + τ√d). The Rényi divergence of every order α is at most αε²/2, which is that
    /// of Gaussian noise of this multiplier (proposition 14; neighbours: one client's update set to zero).
    public var multiplier: Double {
        let ratio = normBound / (Double(sigma) * Double(contributors).squareRoot())
        let dimension = Double(parameters)
        return 1
            / min(
                (ratio * ratio + 2 * excess * dimension).squareRoot(), ratio + excess * dimension.squareRoot())
    }

    /// How sums are read.
    public var encoding: LatticeEncoding { LatticeEncoding(step: step, limit: limit) }
}
