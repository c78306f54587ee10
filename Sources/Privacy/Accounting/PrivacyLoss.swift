internal import Foundation

/// The distribution of the privacy loss of one release, on the multiples of an interval, never better than the truth.
///
/// V. Doroshenko et al., "Connect the dots: tighter discrete approximations of privacy loss distributions", PETS 2022,
/// algorithm 1: the masses at ε(i) are those of which δ at every grid point is exact, and δ between them lies on the chord
/// in e^ε, which is above. A. Koskela, J. Jälkö, A. Honkela, "Computing tight differential privacy guarantees using FFT",
/// AISTATS 2020, for the composition.
struct PrivacyLoss: Sendable {
    /// The mass at (first + i) · interval.
    var masses: [Double]
    var first: Int
    var infinity: Double
    let interval: Double

    /// One release of Gaussian noise on a Poisson sample.
    init(_ stick: HockeyStick, _ direction: HockeyStick.Direction, interval: Double) {
        let range = stick.range(direction)
        let low = Int((range.lowerBound / interval).rounded(.down))
        let high = max(low + 1, Int((range.upperBound / interval).rounded(.up)))
        let growth = exp(interval)
        let step = expm1(interval)
        self.interval = interval
        first = low
        masses = [Double](repeating: 0, count: high - low + 1)
        // Below 0 the interior formula gives the same with δ − (1 − e^ε) for δ, and keeps its digits.
        func rest(_ index: Int) -> Double { stick.rest(direction, Double(index) * interval) }
        func delta(_ index: Int) -> Double { stick.delta(direction, Double(index) * interval) }
        func interior(_ index: Int, _ value: (Int) -> Double) -> Double {
            ((value(index + 1) - value(index)) - growth * (value(index) - value(index - 1))) / step
        }
        masses[0] =
            low < 0
            ? (rest(low + 1) - rest(low)) / step - rest(low) : 1 - delta(low) + (delta(low + 1) - delta(low)) / step
        for index in (low + 1)..<high {
            masses[index - low] = interior(index, index < 0 ? rest : delta)
        }
        masses[high - low] = (delta(high - 1) - delta(high)) / -expm1(-interval)
        for index in masses.indices where masses[index] < 0 { masses[index] = 0 }
        infinity = delta(high)
    }

    /// log Σ mass · e^(λ loss), of the finite part.
    func logMoment(_ lambda: Double) -> Double {
        let ends = [Double(first), Double(first + masses.count - 1)].map { lambda * interval * $0 }
        let shift = ends.max() ?? 0
        var total = 0.0
        for (index, mass) in masses.enumerated() where mass > 0 {
            total += mass * exp(lambda * interval * Double(first + index) - shift)
        }
        return total > 0 ? log(total) + shift : -.infinity
    }
}
