internal import Foundation

/// Sums of numbers that are known by their logarithms, and logarithms of tails of the normal distribution.
enum LogArithmetic {
    /// log(eˣ + eʸ).
    static func add(_ x: Double, _ y: Double) -> Double {
        let (low, high) = (min(x, y), max(x, y))
        if low == -.infinity { return high }
        return log1p(exp(low - high)) + high
    }

    /// log|eˣ − eʸ| and whether eˣ ≥ eʸ.
    static func subtract(_ x: Double, _ y: Double) -> (magnitude: Double, isPositive: Bool) {
        if x > y { return (x + log1p(-exp(y - x)), true) }
        if x < y { return (y + log1p(-exp(x - y)), false) }
        return (-.infinity, true)
    }

    /// log erfc(x), also where erfc(x) is below the smallest Double.
    ///
    /// Above 20 the asymptotic series erfc(x) ~ e^(−x²)/(x√π)·(1 − 1/(2x²) + 3/(4x⁴) − 15/(8x⁶)), whose error there is
    /// below 10⁻⁹ of the value.
    static func complementaryError(_ x: Double) -> Double {
        guard x > 20 else { return log(erfc(x)) }
        let inverse = 1 / (x * x)
        let series = -inverse / 2 + 0.75 * inverse * inverse - 1.875 * inverse * inverse * inverse
        return -x * x - log(x) - log(Double.pi) / 2 + log1p(series)
    }

    /// Φ(x), the distribution function of the standard normal, with full relative accuracy in the lower tail.
    static func normal(_ x: Double) -> Double { 0.5 * erfc(-x * 0.5.squareRoot()) }
}
