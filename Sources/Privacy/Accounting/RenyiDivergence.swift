internal import Foundation

/// Rényi differential privacy of one release by a (sampled) Gaussian mechanism: the Rényi divergence of an order α, in
/// nats, for noise of `noiseMultiplier` standard deviations per unit of L2 sensitivity.
///
/// I. Mironov, "Rényi differential privacy", CSF 2017: the divergences of releases add up.
public enum RenyiDivergence {
    /// The Gaussian mechanism: α / (2σ²).
    public static func gaussian(order: Double, noiseMultiplier: Double) -> Double {
        order / (2 * noiseMultiplier * noiseMultiplier)
    }

    /// The Gaussian mechanism on a Poisson sample of rate q, add or remove one.
    ///
    /// I. Mironov, K. Talwar, L. Zhang, "Rényi differential privacy of the sampled Gaussian mechanism", 2019: log(A)/(α−1)
    /// with, for whole α, A = Σₖ C(α,k) (1−q)^(α−k) qᵏ e^((k²−k)/(2σ²)), and for others the two series of its section 3.3.
    ///
    /// - Returns: infinity without noise, or where the series does not converge, which leaves the order out.
    public static func poisson(order: Double, noiseMultiplier: Double, rate: Double) -> Double {
        if rate == 0 { return 0 }
        guard noiseMultiplier > 0, order > 1, order.isFinite else { return .infinity }
        if rate >= 1 { return gaussian(order: order, noiseMultiplier: noiseMultiplier) }
        let sum =
            order == order.rounded()
            ? wholeOrder(Int(order), noiseMultiplier, rate) : fractionalOrder(order, noiseMultiplier, rate)
        return sum / (order - 1)
    }

    private static func wholeOrder(_ order: Int, _ sigma: Double, _ rate: Double) -> Double {
        var total = -Double.infinity
        var coefficient = 0.0
        for index in 0...order {
            let k = Double(index)
            if index > 0 { coefficient += log(Double(order - index + 1)) - log(k) }
            let term =
                coefficient + k * log(rate) + (Double(order) - k) * log1p(-rate) + (k * k - k) / (2 * sigma * sigma)
            total = LogArithmetic.add(total, term)
        }
        return total
    }

    /// The most terms of the two series.
    private static let longestSeries = 1000

    private static func fractionalOrder(_ order: Double, _ sigma: Double, _ rate: Double) -> Double {
        var (lower, upper) = (-Double.infinity, -Double.infinity)
        var (lastLower, lastUpper) = (-Double.infinity, -Double.infinity)
        let split = sigma * sigma * log(1 / rate - 1) + 0.5
        let scale = 2.0.squareRoot() * sigma
        var coefficient = 0.0
        for index in 0..<longestSeries {
            let i = Double(index)
            let j = order - i
            // log |C(α, i)|; taking every term as positive makes the bound no smaller.
            if index > 0 { coefficient += log(abs(order - i + 1)) - log(i) }
            let below =
                coefficient + i * log(rate) + j * log1p(-rate) + (i * i - i) / (2 * sigma * sigma) + log(0.5)
                + LogArithmetic.complementaryError((i - split) / scale)
            let above =
                coefficient + j * log(rate) + i * log1p(-rate) + (j * j - j) / (2 * sigma * sigma) + log(0.5)
                + LogArithmetic.complementaryError((split - j) / scale)
            lower = LogArithmetic.add(lower, below)
            upper = LogArithmetic.add(upper, above)
            let total = LogArithmetic.add(lower, upper)
            if below < lastLower, above < lastUpper, max(below, above) < total - 30 { return total }
            (lastLower, lastUpper) = (below, above)
        }
        return .infinity
    }

    /// The Gaussian mechanism on a sample of fixed size without replacement, a share q of all, replace one. The sensitivity
    /// is that of replacing: 2C for a sum of vectors clipped to C.
    ///
    /// Y.-X. Wang, B. Balle, S. Kasiviswanathan, "Subsampled Rényi differential privacy and analytical moments accountant",
    /// AISTATS 2019: theorem 27 for whole orders to 256 (above, with its simpler terms), corollary 10 between them.
    public static func fixedSize(order: Double, noiseMultiplier: Double, rate: Double) -> Double {
        if rate == 0 { return 0 }
        guard noiseMultiplier > 0, order > 1, order.isFinite else { return .infinity }
        if rate >= 1 { return gaussian(order: order, noiseMultiplier: noiseMultiplier) }
        let low = order.rounded(.down)
        let share = order - low
        let first = FixedSizeDivergence.logMoment(Int(low), noiseMultiplier, rate)
        guard share > 0 else { return first / (order - 1) }
        let second = FixedSizeDivergence.logMoment(Int(low) + 1, noiseMultiplier, rate)
        return ((1 - share) * first + share * second) / (order - 1)
    }
}
