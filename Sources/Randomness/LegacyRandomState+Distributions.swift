#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension LegacyRandomState {
    /// `standard_exponential()`: −ln(1 − u), u uniform in [0, 1).
    public mutating func standardExponential() -> Double {
        -log(1 - random())
    }

    /// `standard_normal()`: Marsaglia's polar method, the second value of a pair being returned by the next call.
    ///
    /// The first value returned is the one of the second coordinate, as in NumPy.
    public mutating func standardNormal() -> Double {
        if let spare = spareGauss {
            spareGauss = nil
            return spare
        }
        while true {
            let first = 2 * random() - 1
            let second = 2 * random() - 1
            let square = first * first + second * second
            guard square < 1, square != 0 else { continue }
            let factor = (-2 * log(square) / square).squareRoot()
            spareGauss = factor * first
            return factor * second
        }
    }

    /// `standard_gamma(shape)`: a gamma number of scale 1.
    ///
    /// - shape = 1: ``standardExponential()``.
    /// - shape < 1: rejection from a power and an exponential (J. H. Ahrens, U. Dieter, 1974, algorithm GS, in NumPy's
    ///   form).
    /// - shape > 1: G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", ACM TOMS 26(3), 2000.
    ///
    /// - Parameter shape: finite and at least 0, where 0 gives 0; anything else is a programmer error.
    public mutating func standardGamma(shape: Double) -> Double {
        precondition(shape >= 0 && shape.isFinite, "a gamma number needs a shape of at least 0, got \(shape)")
        if shape == 1 { return standardExponential() }
        if shape == 0 { return 0 }
        return shape < 1 ? gammaBelowOne(shape) : gammaAboveOne(shape)
    }

    private mutating func gammaBelowOne(_ shape: Double) -> Double {
        while true {
            let uniform = random()
            let exponential = standardExponential()
            if uniform <= 1 - shape {
                let candidate = pow(uniform, 1 / shape)
                if candidate <= exponential { return candidate }
            } else {
                let tail = -log((1 - uniform) / shape)
                let candidate = pow(1 - shape + shape * tail, 1 / shape)
                if candidate <= exponential + tail { return candidate }
            }
        }
    }

    private mutating func gammaAboveOne(_ shape: Double) -> Double {
        let base = shape - 1.0 / 3
        let slope = 1 / (9 * base).squareRoot()
        while true {
            var normal = 0.0
            var cube = 0.0
            repeat {
                normal = standardNormal()
                cube = 1 + slope * normal
            } while cube <= 0
            cube = cube * cube * cube
            let uniform = random()
            if uniform < 1 - 0.0331 * (normal * normal) * (normal * normal) { return base * cube }
            if log(uniform) < 0.5 * normal * normal + base * (1 - cube + log(cube)) { return base * cube }
        }
    }

    /// `dirichlet(concentrations)`: gamma numbers of these shapes, times the reciprocal of their sum.
    ///
    /// Where all of them underflow to 0, which very small concentrations cause, the numbers are NaN as in NumPy.
    public mutating func dirichlet(_ concentrations: [Double]) -> [Double] {
        var values: [Double] = []
        values.reserveCapacity(concentrations.count)
        var sum = 0.0
        for concentration in concentrations {
            let value = standardGamma(shape: concentration)
            values.append(value)
            sum += value
        }
        let reciprocal = 1 / sum
        return values.map { $0 * reciprocal }
    }
}
