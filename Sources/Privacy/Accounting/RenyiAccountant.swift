internal import Foundation
internal import Synchronization

/// Adds up Rényi divergences over a fixed set of orders and turns the sum into (ε, δ).
public struct RenyiAccountant: Sendable {
    /// The orders: 1.1 to 10.9 by tenths, 11 to 63, 128, 256, 512 and 1024, those of the package `dp-accounting`.
    public static let orders: [Double] = {
        var orders: [Double] = []
        for tenth in 1..<100 { orders.append(1 + Double(tenth) / 10) }
        for whole in 11..<64 { orders.append(Double(whole)) }
        return orders + [128, 256, 512, 1024]
    }()

    /// The sum so far, by order.
    public private(set) var divergences = [Double](repeating: 0, count: RenyiAccountant.orders.count)

    /// An accountant that was not charged yet.
    public init() {}

    /// Adds `count` equal releases.
    public mutating func add(_ charge: PrivacyCharge) {
        guard charge.count > 0 else { return }
        if charge.kind == .tree {
            for (index, order) in Self.orders.enumerated() { divergences[index] += charge.divergence(order: order) }
            return
        }
        var single = charge
        single.count = 1
        let each = Self.divergences(of: single)
        for index in divergences.indices { divergences[index] += Double(charge.count) * each[index] }
    }

    /// What single releases cost by order: a job charges the same one every round.
    private static let known = Mutex<[PrivacyCharge: [Double]]>([:])

    private static func divergences(of charge: PrivacyCharge) -> [Double] {
        if let known = known.withLock({ $0[charge] }) { return known }
        let values = orders.map { charge.divergence(order: $0) }
        known.withLock { table in
            if table.count >= 256 { table = [:] }
            table[charge] = values
        }
        return values
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
