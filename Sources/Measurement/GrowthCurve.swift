/// A cost that was measured at several sizes.
public struct GrowthCurve: Sendable {
    /// One size.
    public struct Point: Sendable {
        /// How large it is, above 0.
        public var size: Double
        /// What was measured there, in the curve's unit; at least one value.
        public var values: [Double]

        /// A point.
        public init(size: Double, values: [Double]) {
            self.size = size
            self.values = values
        }

        /// The value that fits and lines go through.
        var median: Double { values.sorted()[values.count / 2] }
    }

    /// What was measured: "round".
    public var cost: String
    /// What the sizes count: "clients".
    public var axis: String
    /// The unit of the values.
    public var unit: String
    /// By size, the smallest first.
    public var points: [Point]

    /// Describes a curve; points are put in order.
    public init(cost: String, axis: String, unit: String, points: [Point]) {
        self.cost = cost
        self.axis = axis
        self.unit = unit
        self.points = points.sorted { $0.size < $1.size }
    }

    /// Every point as a figure.
    public var figures: [BenchmarkFigure] {
        points.map { BenchmarkFigure("\(cost), \(label($0.size))", $0.values, unit: unit) }
    }

    /// The exponents of the power laws through all points and through the three largest, where constant costs weigh
    /// least: 1 means that a cost grows as its size does. Empty for fewer than two sizes.
    public var exponents: [BenchmarkFigure] {
        [("\(cost) over \(axis): exponent", points.count), ("the same, three largest: exponent", 3)].compactMap {
            name, count in
            GrowthFit(points.suffix(count).map { ($0.size, $0.median) })
                .map { BenchmarkFigure(name, [$0.exponent], unit: "") }
        }
    }

    /// Curves as one SVG picture on logarithmic axes; sizes are drawn relative to each curve's smallest.
    public static func chart(_ curves: [GrowthCurve]) -> String {
        let lines = curves.map { curve in
            let first = curve.points.first?.size ?? 1
            return LineChart.Curve(
                name: "\(curve.cost) (\(curve.unit)), \(curve.axis)",
                points: curve.points.map { point in
                    LineChart.Point(
                        x: point.size / first, low: point.values.min() ?? 0, mean: point.median,
                        high: point.values.max() ?? 0)
                })
        }
        let starts = curves.map { $0.label($0.points.first?.size ?? 1) }
        let unique = starts.enumerated().filter { !starts[..<$0.offset].contains($0.element) }.map(\.element)
        return LineChart(curves: lines, scale: .logarithmic, axis: "times \(unique.joined(separator: ", "))").svg()
    }

    private func label(_ size: Double) -> String { "\(Int(size)) \(axis)" }
}
