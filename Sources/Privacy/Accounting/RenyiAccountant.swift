internal import Foundation

/// Adds up Rényi divergences over a fixed set of orders and turns the sum into (ε, δ).
public struct RenyiAccountant: Sendable {
    /// The orders: 1.1 to 10.9 by tenths, 11 to 63, 128, 256, 512 and 1024, those of the package `dp-accounting`.
    public static let orders: [Double] =
        (1..<100).map { 1 + Double($0) / 10 } + (11..<64).map(Double.init) + [128, 256, 512, 1024]

    /// The sum so far, by order.
    public private(set) var divergences = [Double](repeating: 0, count: RenyiAccountant.orders.count)

    /// An accountant that was not charged yet.
    public init() {}

    /// Adds `count` equal releases.
    public mutating func add(_ charge: PrivacyCharge) {
        guard charge.count > 0 else { return }
        for (index, order) in Self.orders.enumerated() {
            divergences[index] += charge.divergence(order: order)
        }
    }

    /// The smallest ε over all orders: D(α) + log(1 − 1/α) − log(δ α)/(α − 1).
    ///
    /// C. Canonne, G. Kamath, T. Steinke, "The discrete Gaussian for differential privacy", NeurIPS 2020, proposition 12;
    /// B. Balle et al., "Hypothesis testing interpretations and Rényi differential privacy", AISTATS 2020. Where
    /// δ² ≥ 1 − e^(−D) the total variation is at most δ, and ε is 0.
    public func epsilon(delta: Double) -> Double {
        var best = Double.infinity
        for (order, divergence) in zip(Self.orders, divergences) where divergence.isFinite {
            if delta * delta + expm1(-divergence) > 0 { return 0 }
            if order > 1.01 {
                best = min(best, divergence + log1p(-1 / order) - log(delta * order) / (order - 1))
            }
        }
        return max(0, best)
    }
}
