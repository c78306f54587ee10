#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension RandomStream {
    /// The natural logarithm of a gamma number of scale 1.
    ///
    /// shape ≥ 1: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
    /// shape < 1: their boost ln G(shape) = ln G(shape + 1) + ln(1 − u) / shape. The logarithm keeps what would
    /// underflow to 0 for small shapes.
    ///
    /// - Parameter shape: finite and above 0; anything else is a programmer error.
    public mutating func logGamma(shape: Double) -> Double {
        precondition(shape > 0 && shape.isFinite, "a gamma number needs a shape above 0, got \(shape)")
        if shape < 1 {
            let boost = log(1 - uniform()) / shape
            return logGamma(shape: shape + 1) + boost
        }
        let base = shape - 1.0 / 3
        let slope = 1 / (9 * base).squareRoot()
        while true {
            let normal = normal()
            let root = 1 + slope * normal
            guard root > 0 else { continue }
            let cube = root * root * root
            if log(1 - uniform()) < 0.5 * normal * normal + base * (1 - cube + log(cube)) { return log(base * cube) }
        }
    }

    /// A point of the simplex from the symmetric Dirichlet distribution: `count` numbers of at least 0 whose sum is 1
    /// up to rounding.
    ///
    /// Gamma numbers over their sum, taken in logarithms: at a concentration near 0 the point is a corner, never NaN.
    ///
    /// - Parameters:
    ///   - concentration: finite and above 0; small gives corners, large gives equal shares.
    ///   - count: at least 1; anything less is a programmer error.
    public mutating func dirichlet(concentration: Double, count: Int) -> [Double] {
        precondition(count > 0, "a Dirichlet point needs at least one coordinate, got \(count)")
        var values = (0..<count).map { _ in logGamma(shape: concentration) }
        let largest = values.reduce(-Double.infinity, max)
        for index in values.indices { values[index] = exp(values[index] - largest) }
        let sum = values.reduce(0, +)
        return values.map { $0 / sum }
    }
}
