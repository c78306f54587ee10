internal import Foundation

/// A clipping norm that follows a quantile of the updates' norms.
///
/// G. Andrew, O. Thakkar, H. B. McMahan, S. Ramaswamy, "Differentially private learning with adaptive clipping",
/// NeurIPS 2021: C ← C·e^(−η(b̃ − γ)), where b̃ is the share of updates with a norm of at most C, as the noised sum of
/// b − ½ plus ½. The count has noise of σ_b; the sum of updates then gets the multiplier (z⁻² − (2σ_b)⁻²)^(−½), so that
/// both together cost what one release with the multiplier z does.
public struct QuantileClipping: Sendable, Hashable {
    /// The share γ of updates that shall not be clipped, 0 to 1.
    public let quantile: Double
    /// The step η.
    public let rate: Double
    /// σ_b, the deviation of the noise on the count.
    public let countDeviation: Double

    /// Settings.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` for numbers outside their ranges.
    public init(quantile: Double, rate: Double, countDeviation: Double) throws(PrivacyError) {
        guard quantile >= 0, quantile <= 1, rate > 0, rate <= 10, countDeviation > 0, countDeviation.isFinite else {
            throw PrivacyError(
                .invalidParameter,
                "adaptive clipping: found quantile \(quantile), rate \(rate), count noise \(countDeviation), expected 0 to 1, "
                    + "above 0 and at most 10, above 0")
        }
        self.quantile = quantile
        self.rate = rate
        self.countDeviation = countDeviation
    }

    /// The multiplier of the noise on the sum of updates, for a total multiplier z.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` when z ≥ 2σ_b: the count alone costs more than both may.
    public func updateMultiplier(total: Double) throws(PrivacyError) -> Double {
        let rest = 1 / (total * total) - 1 / (4 * countDeviation * countDeviation)
        guard rest > 0 else {
            throw PrivacyError(
                .invalidParameter,
                "adaptive clipping: found count noise \(countDeviation), expected more than half the noise multiplier "
                    + "(\(total / 2))")
        }
        return 1 / rest.squareRoot()
    }

    /// The next norm.
    ///
    /// - Parameters:
    ///   - within: how many updates had a norm of at most `norm`.
    ///   - updates: how many updates there were.
    ///   - expected: the expected number of updates, which the share is taken of.
    ///   - noise: a standard normal draw.
    public func next(norm: Double, within: Int, updates: Int, expected: Double, noise: Double) -> Double {
        let sum = Double(within) - 0.5 * Double(updates) + countDeviation * noise
        // The middle of the counts is that of the expected cohort, so that nothing but the noised sum is used.
        let share = sum / expected + 0.5
        return norm * exp(-rate * (min(max(share, 0), 1) - quantile))
    }
}
