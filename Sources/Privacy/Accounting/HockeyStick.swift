internal import Foundation

/// The hockey-stick divergences of the Gaussian mechanism on a Poisson sample, sensitivity 1, in closed form:
/// δ(ε) = ∫ max(0, p − e^ε p′), with the mixture M = (1 − q) N(0, σ²) + q N(1, σ²) against N = N(0, σ²).
struct HockeyStick: Sendable {
    /// Which of two neighbours is the one whose output is looked at.
    enum Direction: Sendable, CaseIterable {
        /// M against N: a participant is taken away.
        case remove
        /// N against M: a participant is added.
        case add

        var opposite: Direction { self == .remove ? .add : .remove }
    }

    let sigma: Double
    let rate: Double

    /// δ(ε), accurate relative to its size for ε ≥ 0.
    func delta(_ direction: Direction, _ epsilon: Double) -> Double {
        switch direction {
        case .remove:
            guard let point = point(exp(epsilon)) else { return -expm1(epsilon) }
            let none = LogArithmetic.normal(-point / sigma)
            let moved = LogArithmetic.normal((1 - point) / sigma)
            return max(0, rate * moved - (exp(epsilon) - (1 - rate)) * none)
        case .add:
            guard let point = point(exp(-epsilon)) else { return 0 }
            let none = LogArithmetic.normal(point / sigma)
            let moved = LogArithmetic.normal((point - 1) / sigma)
            return max(0, none * (1 - exp(epsilon) * (1 - rate)) - exp(epsilon) * rate * moved)
        }
    }

    /// δ(ε) − (1 − e^ε), which is small where δ is near 1: e^ε times the divergence the other way round at −ε.
    func rest(_ direction: Direction, _ epsilon: Double) -> Double {
        exp(epsilon) * delta(direction.opposite, -epsilon)
    }

    /// Where M/N = `ratio`; nil when it is larger everywhere.
    private func point(_ ratio: Double) -> Double? {
        let moved = (ratio - (1 - rate)) / rate
        return moved > 0 ? sigma * sigma * log(moved) + 0.5 : nil
    }

    /// The largest and the smallest loss worth a place: beyond, each side has at most e^−50 of the mass.
    func range(_ direction: Direction) -> ClosedRange<Double> {
        let reach = 10 * sigma
        func loss(_ x: Double) -> Double {
            let exponent = (2 * x - 1) / (2 * sigma * sigma)
            return rate >= 1 ? exponent : LogArithmetic.add(log1p(-rate), log(rate) + exponent)
        }
        return switch direction {
        case .remove: loss(-reach)...loss(1 + reach)
        case .add: -loss(1 + reach)...(-loss(-reach))
        }
    }
}
