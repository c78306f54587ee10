internal import Foundation

/// Finds the least noise that keeps a number of releases within a budget.
public enum NoisePlanner {
    /// The most noise that is tried.
    public static let largest = 1e6

    /// The smallest noise multiplier, to a relative 10⁻⁵ and never below the true one, for which the releases cost at most
    /// `epsilon` at `delta`.
    ///
    /// Bisection of the logarithm; ε falls as the noise grows.
    ///
    /// - Parameter charge: what all releases are charged with a noise multiplier.
    /// - Throws: ``PrivacyError`` `unreachable` when not even the largest noise suffices, `invalidParameter`.
    public static func noiseMultiplier(
        epsilon: Double, delta: Double, by accountant: PrivacyLedger.Accountant, charge: (Double) -> PrivacyCharge
    ) throws(PrivacyError) -> Double {
        guard epsilon > 0, epsilon.isFinite else {
            throw PrivacyError(.invalidParameter, "epsilon: found \(epsilon), expected a number above 0")
        }
        func cost(_ multiplier: Double) throws(PrivacyError) -> Double {
            try PrivacyLedger([charge(multiplier)]).epsilon(delta: delta, by: accountant)
        }
        var high = 1.0
        while try cost(high) > epsilon {
            high *= 2
            guard high <= largest else {
                throw PrivacyError(
                    .unreachable,
                    "epsilon \(epsilon) at delta \(delta) is not reached with a noise multiplier of \(largest)")
            }
        }
        var low = high / 2
        while low > 1e-3, try coarse(low, cost) <= epsilon {
            high = low
            low /= 2
        }
        while high / low > 1 + 1e-5 {
            let middle = (high * low).squareRoot()
            if try coarse(middle, cost) > epsilon { low = middle } else { high = middle }
        }
        return high
    }

    /// Too little noise for an accountant's grid is too little noise.
    private static func coarse(
        _ multiplier: Double, _ cost: (Double) throws(PrivacyError) -> Double
    ) throws(PrivacyError) -> Double {
        do {
            return try cost(multiplier)
        } catch {
            if multiplier < 0.5, error.code == .invalidParameter { return .infinity }
            throw error
        }
    }
}
