internal import Foundation

/// The moments behind ``RenyiDivergence/fixedSize(order:noiseMultiplier:rate:)``.
enum FixedSizeDivergence {
    /// The largest order for which the forward differences of theorem 27 are formed.
    private static let largestExact = 256

    /// (α − 1) times the divergence of the whole order α:
    /// log(1 + C(α,2) q² min(4(e^f(2) − 1), 2e^f(2)) + Σ_{j≥3} C(α,j) qʲ min(4√(B(2⌊j/2⌋) B(2⌈j/2⌉)), 2e^((j−1)f(j)))),
    /// with f(α) = α/(2σ²) and B(l) the l-th forward difference at 0 of e^((x−1) f(x)).
    static func logMoment(_ order: Int, _ sigma: Double, _ rate: Double) -> Double {
        guard order > 1 else { return 0 }
        func divergence(_ x: Double) -> Double { x / (2 * sigma * sigma) }
        func moment(_ x: Double) -> Double { x * (x + 1) / (2 * sigma * sigma) }
        let differences = order <= largestExact ? logDifferences(order, moment) : []
        let second = divergence(2) + log1p(-exp(-divergence(2)))
        var total = 0.0
        var coefficient = log(Double(order))
        for j in 2...order {
            coefficient += log(Double(order - j + 1)) - log(Double(j))
            var term: Double
            if j == 2 {
                term = min(log(4) + second, divergence(2) + log(2))
            } else {
                term = log(2) + moment(Double(j - 1))
                if !differences.isEmpty {
                    let low = differences[2 * (j / 2) - 1]
                    let high = differences[2 * ((j + 1) / 2) - 1]
                    term = min(term, log(4) + 0.5 * (low + high))
                }
            }
            total = LogArithmetic.add(total, term + Double(j) * log(rate) + coefficient)
        }
        return total
    }

    /// log |Δⁱ e^moment| for i = 1…n + 2, where the function is 0 at the point before 0, kept as (sign, logarithm) so that
    /// large values do not overflow.
    private static func logDifferences(_ n: Int, _ moment: (Double) -> Double) -> [Double] {
        // The entry before the function's own is e^0 = 1, the value at x = 0 of (x − 1) f(x) shifted by one.
        var magnitudes = [0.0] + (0..<(n + 2)).map { moment(Double($0)) }
        var isPositive = [Bool](repeating: true, count: n + 3)
        var result: [Double] = []
        for round in 0..<(n + 2) {
            for index in 0..<(n + 2 - round) {
                let next = index + 1
                if isPositive[index] == isPositive[next] {
                    let (magnitude, sign) = LogArithmetic.subtract(magnitudes[next], magnitudes[index])
                    magnitudes[index] = magnitude
                    isPositive[index] = isPositive[next] ? sign : !sign
                } else {
                    magnitudes[index] = LogArithmetic.add(magnitudes[index], magnitudes[next])
                    isPositive[index] = isPositive[next]
                }
            }
            result.append(magnitudes[0])
        }
        return result
    }
}
