public import Measurement

extension GrowthMeasure.Result {
    /// Every point, and the exponents of the fitted power laws: 1 means that a cost grows as its size does.
    public var figures: [BenchmarkFigure] {
        curves.flatMap { curve in
            let unit = curve.unit
            var figures = curve.points.map { point in
                BenchmarkFigure("\(curve.cost), \(curve.label(point.size))", point.values, unit: unit)
            }
            if let fit = GrowthFit(curve.points.map { ($0.size, $0.values.sorted()[$0.values.count / 2]) }) {
                figures.append(BenchmarkFigure("\(curve.cost) over \(curve.name): exponent", [fit.exponent], unit: ""))
            }
            if let fit = GrowthFit(curve.points.suffix(3).map { ($0.size, $0.values.sorted()[$0.values.count / 2]) }) {
                figures.append(
                    BenchmarkFigure("the same, three largest: exponent", [fit.exponent], unit: ""))
            }
            return figures
        }
    }

    /// The four curves as one SVG picture on logarithmic axes; both sizes are drawn relative to their smallest.
    public func chart() -> String {
        let lines = curves.map { curve in
            let first = curve.points.first?.size ?? 1
            return LineChart.Curve(
                name: "\(curve.cost) (\(curve.unit)), \(curve.name)",
                points: curve.points.map { point in
                    let sorted = point.values.sorted()
                    return LineChart.Point(
                        x: point.size / first, low: sorted[0], mean: sorted[sorted.count / 2],
                        high: sorted[sorted.count - 1])
                })
        }
        let starts = curves.map { $0.label($0.points.first?.size ?? 1) }
        let unique = starts.enumerated().filter { !starts[..<$0.offset].contains($0.element) }.map(\.element)
        return LineChart(curves: lines, scale: .logarithmic, axis: "times \(unique.joined(separator: ", "))").svg()
    }

    private struct Curve {
        var cost: String
        var name: String
        var unit: String
        var points: [(size: Double, values: [Double])]

        func label(_ size: Double) -> String {
            name == "clients" ? "\(Int(size)) clients" : "\(Int(size)) bytes"
        }
    }

    private var curves: [Curve] {
        [("clients", overClients), ("bytes", overBytes)].filter { !$0.1.isEmpty }.flatMap { name, points in
            [
                Curve(
                    cost: "round", name: name, unit: "ms",
                    points: points.map { ($0.size, $0.seconds.map { $0 * 1000 }) }),
                Curve(
                    cost: "coordinator's peak", name: name, unit: "MB",
                    points: points.map { ($0.size, [$0.peakBytes / 1e6]) }),
            ]
        }
    }
}
