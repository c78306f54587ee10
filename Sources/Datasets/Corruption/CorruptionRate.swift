public import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How likely one kind of corruption is, possibly different for every client.
public enum CorruptionRate: Sendable, Hashable {
    /// The same for all clients.
    case constant(Double)
    /// Uniform in [low, high), one draw a client.
    case uniform(low: Double, high: Double)
    /// Beta-distributed with the parameters mean · concentration and (1 − mean) · concentration, one draw a client. A
    /// small concentration makes most clients either clean or spoilt, a large one makes them alike.
    case beta(mean: Double, concentration: Double)

    /// Nothing happens.
    public static let zero = CorruptionRate.constant(0)

    /// Whether no client is touched.
    public var isZero: Bool { mean == 0 }

    /// The expected rate over clients.
    public var mean: Double {
        switch self {
        case .constant(let rate): rate
        case .uniform(let low, let high): (low + high) / 2
        case .beta(let mean, _): mean
        }
    }

    /// Whether every client has the same rate.
    public var isConstant: Bool {
        if case .constant = self { true } else { false }
    }

    /// The rate of one client.
    ///
    /// - Parameter stream: the client's own; untouched by a constant.
    public func draw(_ stream: inout RandomStream) -> Double {
        switch self {
        case .constant(let rate): return rate
        case .uniform(let low, let high): return low + (high - low) * stream.uniform()
        case .beta(let mean, let concentration):
            if mean <= 0 || mean >= 1 { return mean }
            let first = Self.gamma(mean * concentration, &stream)
            let second = Self.gamma((1 - mean) * concentration, &stream)
            // With tiny parameters both can underflow; the limit of the distribution is a coin.
            guard first + second > 0 else { return stream.uniform() < mean ? 1 : 0 }
            return first / (first + second)
        }
    }

    /// Checks the numbers.
    ///
    /// - Parameter name: what the rate is called in the message.
    /// - Throws: `DatasetError` with code `invalidArgument`.
    public func validate(_ name: String) throws(DatasetError) {
        let isValid =
            switch self {
            case .constant(let rate): (0...1).contains(rate)
            case .uniform(let low, let high): 0 <= low && low <= high && high <= 1
            case .beta(let mean, let concentration):
                (0...1).contains(mean) && (1e-6...1e6).contains(concentration)
            }
        guard isValid else {
            throw DatasetError(
                .invalidArgument,
                "\(name): found \(self), expected a rate in 0...1, bounds 0 ≤ low ≤ high ≤ 1, or a mean in 0...1 with a "
                    + "concentration in 1e-6...1e6")
        }
    }

    /// A gamma variate of scale 1. G. Marsaglia, W. W. Tsang, "A simple method for generating gamma variables", 2000;
    /// shapes below 1 by Γ(a) = Γ(a + 1) · U^(1/a).
    private static func gamma(_ shape: Double, _ stream: inout RandomStream) -> Double {
        if shape < 1 {
            let boost = pow(1 - stream.uniform(), 1 / shape)
            return gamma(shape + 1, &stream) * boost
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = stream.normal()
            let root = 1 + c * x
            guard root > 0 else { continue }
            let v = root * root * root
            if log(1 - stream.uniform()) < 0.5 * x * x + d - d * v + d * log(v) { return d * v }
        }
    }
}

extension CorruptionRate: CustomStringConvertible {
    /// For example `0.3`, `uniform(0.1, 0.5)` or `beta(mean 0.3, concentration 2)`.
    public var description: String {
        switch self {
        case .constant(let rate): "\(rate)"
        case .uniform(let low, let high): "uniform(\(low), \(high))"
        case .beta(let mean, let concentration): "beta(mean \(mean), concentration \(concentration))"
        }
    }
}
