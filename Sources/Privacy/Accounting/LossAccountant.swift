internal import Foundation

/// Composes privacy loss distributions: tighter than Rényi divergences, for Gaussian noise on Poisson samples and for
/// trees, which are one Gaussian release.
public struct LossAccountant: Sendable {
    /// The coarsest grid that is used without need. Its ε is at most about 10⁻⁴ above that of a grid five times finer.
    public static let interval = 5e-4

    /// The grid's interval where losses are large.
    private let interval: Double

    /// An accountant on a grid; a coarser one takes less time and gives slightly larger ε.
    public init(interval: Double = LossAccountant.interval) {
        self.interval = interval
    }

    /// The ε of all charges together, the larger of adding and removing a participant.
    ///
    /// A release gets at least 2¹³ places, so that small losses are seen, and at most 2¹⁸.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` for a charge on samples of fixed size, whose worst pair of
    ///   distributions is not known in closed form, and when there is too little noise for a grid.
    public func epsilon(_ charges: [PrivacyCharge], delta: Double) throws(PrivacyError) -> Double {
        var sticks: [(stick: HockeyStick, count: Int)] = []
        for charge in charges where charge.count > 0 && charge.rate > 0 {
            switch charge.kind {
            case .fixed:
                throw PrivacyError(
                    .invalidParameter,
                    "accountant: found pld for samples of fixed size, expected rdp (or Poisson sampling)")
            case .poisson:
                sticks.append((HockeyStick(sigma: charge.noiseMultiplier, rate: charge.rate), charge.count))
            case .tree:
                let squared = TreeSensitivity.squared(rounds: charge.count, separation: charge.separation)
                let sigma = charge.noiseMultiplier / Double(squared).squareRoot()
                sticks.append((HockeyStick(sigma: sigma, rate: 1), 1))
            }
        }
        guard !sticks.isEmpty else { return 0 }
        var worst = 0.0
        for direction in HockeyStick.Direction.allCases {
            var grid = interval
            for part in sticks {
                let range = part.stick.range(direction)
                grid = min(grid, (range.upperBound - range.lowerBound) / Double(1 << 13))
            }
            for part in sticks {
                let range = part.stick.range(direction)
                guard range.upperBound < 600, range.lowerBound > -600 else {
                    throw PrivacyError(
                        .invalidParameter,
                        "privacy loss: found losses up to \(range.upperBound), expected less than 600: the noise is too "
                            + "small for this accountant, use rdp")
                }
                grid = max(grid, (range.upperBound - range.lowerBound) / Double(1 << 18))
            }
            let parts = sticks.map { (loss: PrivacyLoss($0.stick, direction, interval: grid), count: $0.count) }
            worst = max(worst, try ComposedLoss(parts, interval: grid).epsilon(delta: delta))
        }
        return worst
    }
}
