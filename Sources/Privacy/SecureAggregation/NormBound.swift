internal import Foundation

/// How long the words of an update may be, and what is concluded from k random sums of them (``RandomProjection``).
///
/// An honest client scales its update down to the L2 norm C and rounds every element to a multiple of the encoding's step, so its words
/// are at most C / step + √d / 2 long, for d elements. E = (2 / k) Σ t² of its k sums has the mean of their squared length, and for long vectors
/// k E / length² has the chi-square distribution with k degrees of freedom. A client is refused above the quantile that an honest one
/// exactly on the bound exceeds with the probability ``falseRefusal``.
///
/// For vectors of any kind, however few elements are not 0, the argument of Achlioptas (2003) holds: the even moments of √2 r, 2^(m−1), are at
/// most those of a normal number, (2m − 1)!!, so the same is true of k E / length² and a chi-square number, and P(E ≥ (1 + ε) length²)
/// ≤ ((1 + ε) e^(−ε))^(k/2): ``provenRefusal``, a weaker statement that needs no limit.
public struct NormBound: Sendable, Hashable {
    /// How likely an honest client exactly on the bound is refused.
    public static let falseRefusal = 1e-6
    /// The most steps that the clients of a round may move a sum together, n C / step: with more, random sums could wrap around.
    public static let maximumSteps = Double(1 << 27)

    /// k.
    public let projections: Int
    /// The largest length of an honest update's words.
    public let length: Double
    /// E above this is refused.
    public let limit: Double

    /// The bound of a job.
    ///
    /// - Parameters:
    ///   - clipNorm: C.
    ///   - encoding: how updates are written.
    ///   - elements: d.
    ///   - clients: n, the most updates in a sum.
    /// - Throws: ``PrivacyError`` `invalidParameter` where sums could wrap around.
    public init(
        clipNorm: Double, encoding: LatticeEncoding, elements: Int, clients: Int, projections: Int
    ) throws(PrivacyError) {
        let steps = Double(clients) * clipNorm / encoding.step
        guard steps <= Self.maximumSteps else {
            throw PrivacyError(
                .invalidParameter,
                "secure aggregation: found \(clients) updates of the norm \(clipNorm), \(steps) steps together, expected at "
                    + "most \(Self.maximumSteps): random sums would wrap around; fewer bits or a larger range allow more"
            )
        }
        self.init(
            length: clipNorm / encoding.step + Double(elements).squareRoot() / 2, projections: projections)
    }

    init(length: Double, projections: Int) {
        self.length = length
        self.projections = projections
        limit = length * length * Self.quantile(Self.falseRefusal, projections) / Double(projections)
    }

    /// E: an estimate of a vector's squared length from its sums, each read as a number from −2³¹ to 2³¹ − 1.
    public static func squaredLength(_ sums: [UInt32]) -> Double {
        let total = sums.reduce(0.0) { total, sum in
            let value = Double(Int32(bitPattern: sum))
            return total + value * value
        }
        return 2 * total / Double(max(1, sums.count))
    }

    /// Whether the sums are those of a vector, or of the sum of several, that may be in a round.
    public func admits(_ sums: [UInt32], updates: Int = 1) -> Bool {
        Self.squaredLength(sums) <= limit * Double(updates * updates)
    }

    /// How many times as long as the bound a vector is by its sums.
    public func ratio(_ sums: [UInt32]) -> Double { Self.squaredLength(sums).squareRoot() / length }

    /// How likely an honest client on the bound is refused at most, whatever its update looks like.
    public var provenRefusal: Double {
        let excess = limit / (length * length) - 1
        return exp(Double(projections) / 2 * (log1p(excess) - excess))
    }

    /// How likely a vector so many times as long as the bound is found out, if its sums do not wrap around.
    public func detection(ratio: Double) -> Double {
        Self.tail(limit * Double(projections) / (length * length * ratio * ratio), projections)
    }

    /// P(χ² > x) with an even number k of degrees of freedom: e^(−x/2) Σ_{i < k/2} (x/2)^i / i!.
    static func tail(_ x: Double, _ degrees: Int) -> Double {
        precondition(degrees > 0 && degrees.isMultiple(of: 2), "the closed form needs an even number of degrees")
        guard x > 0 else { return 1 }
        let half = x / 2
        return (0..<degrees / 2).reduce(0) { $0 + exp(Double($1) * log(half) - half - lgamma(Double($1 + 1))) }
    }

    /// The x with P(χ² > x) = `probability`, rounded up.
    static func quantile(_ probability: Double, _ degrees: Int) -> Double {
        var (low, high) = (0.0, Double(degrees))
        while tail(high, degrees) > probability { high *= 2 }
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if tail(middle, degrees) > probability { low = middle } else { high = middle }
        }
        return high
    }
}
