internal import Foundation

/// How a cost grows: the straight line through the logarithms by least squares, cost ≈ factor · size^exponent.
public struct GrowthFit: Sendable, Hashable, Codable {
    /// The slope: 1 for costs that grow with the size, 0 for constant ones.
    public var exponent: Double
    /// The cost at size 1.
    public var factor: Double

    /// Fits points of positive size and cost; nil for fewer than two different sizes.
    public init?(_ points: [(size: Double, cost: Double)]) {
        let logs = points.filter { $0.size > 0 && $0.cost > 0 }.map { (x: log($0.size), y: log($0.cost)) }
        guard !logs.isEmpty else { return nil }
        let count = Double(logs.count)
        let meanX = logs.reduce(0) { $0 + $1.x } / count
        let meanY = logs.reduce(0) { $0 + $1.y } / count
        let spread = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.x - meanX) }
        guard spread > 1e-12 else { return nil }
        exponent = logs.reduce(0) { $0 + ($1.x - meanX) * ($1.y - meanY) } / spread
        factor = exp(meanY - exponent * meanX)
    }
}
