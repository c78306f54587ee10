internal import Foundation
internal import Randomness

/// A positive number that differs between clients: a mean, or several of which each client gets one with equal chance, and
/// a distribution around it that keeps the mean.
struct ClockQuantity: Sendable, Hashable {
    /// The distributions, by the words of the job file.
    enum Law: String, Sendable, CaseIterable {
        /// mean.
        case constant
        /// mean · (1 + s · u), u uniform in [−1, 1).
        case uniform
        /// mean · exp(s · z − s²/2), z standard normal: s is the deviation of the logarithm.
        case logNormal = "log-normal"
        /// mean · e, e standard exponential.
        case exponential
        /// mean · (1 − s) · v^(−s), v uniform in (0, 1]: a Pareto distribution with the shape 1/s, heavy-tailed for s near 1.
        case pareto

        /// What s may be; nil where there is none.
        var spreads: ClosedRange<Double>? {
            switch self {
            case .constant, .exponential: nil
            case .uniform: 0...1
            case .logNormal: 0...5
            case .pareto: 0...0.99
            }
        }
    }

    /// s where the job does not say.
    static let standardSpread = 0.5

    /// The means, at least one.
    var means: [Double]
    /// The distribution.
    var law = Law.constant
    /// s.
    var spread = 0.0

    /// One client's value; not negative.
    ///
    /// - Parameter stream: the client's own; untouched by a constant.
    func draw(_ stream: inout RandomStream) -> Double {
        let mean = means.count > 1 ? means[stream.below(means.count)] : means.first ?? 0
        switch law {
        case .constant: return mean
        case .uniform: return mean * (1 + spread * (2 * stream.uniform() - 1))
        case .logNormal: return mean * exp(spread * stream.normal() - spread * spread / 2)
        case .exponential: return mean * -log(1 - stream.uniform())
        case .pareto: return mean * (1 - spread) * pow(1 - stream.uniform(), -spread)
        }
    }
}
