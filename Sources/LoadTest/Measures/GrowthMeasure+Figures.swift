public import Measurement

extension GrowthMeasure.Result {
    /// Every point, and the exponents of the fitted power laws: 1 means that a cost grows as its size does.
    public var figures: [BenchmarkFigure] { curves.flatMap { $0.figures + $0.exponents } }

    /// The four curves as one SVG picture on logarithmic axes; both sizes are drawn relative to their smallest.
    public func chart() -> String { GrowthCurve.chart(curves) }

    private var curves: [GrowthCurve] {
        [("clients", overClients), ("bytes", overBytes)].filter { !$0.1.isEmpty }.flatMap { axis, points in
            [
                GrowthCurve(
                    cost: "round", axis: axis, unit: "ms",
                    points: points.map { .init(size: $0.size, values: $0.seconds.map { $0 * 1000 }) }),
                GrowthCurve(
                    cost: "coordinator's peak", axis: axis, unit: "MB",
                    points: points.map { .init(size: $0.size, values: [$0.peakBytes / 1e6]) }),
            ]
        }
    }
}
