internal import Foundation

/// Curves as SVG: a line for the mean and a band from the smallest to the largest value.
public struct LineChart: Sendable {
    /// One point of a curve.
    public struct Point: Sendable {
        /// Where it lies on the horizontal axis.
        public var x: Double
        /// The smallest value.
        public var low: Double
        /// The value of the line.
        public var mean: Double
        /// The largest value.
        public var high: Double

        /// A point.
        public init(x: Double, low: Double, mean: Double, high: Double) {
            self.x = x
            self.low = low
            self.mean = mean
            self.high = high
        }
    }

    /// One curve.
    public struct Curve: Sendable {
        /// Its name, shown beside the chart.
        public var name: String
        /// Its points from left to right.
        public var points: [Point]

        /// A curve.
        public init(name: String, points: [Point]) {
            self.name = name
            self.points = points
        }
    }

    /// How both axes are divided.
    public enum Scale: Sendable {
        /// Evenly, the horizontal one from 0 to the given end.
        case linear(end: Double)
        /// By powers of ten; points that are not positive are left out.
        case logarithmic
    }

    /// What is drawn.
    public var curves: [Curve]
    /// How the axes are divided.
    public var scale: Scale
    /// What the horizontal axis is, shown at its end; empty for nothing.
    public var axis: String

    /// A chart.
    public init(curves: [Curve], scale: Scale, axis: String = "") {
        self.curves = curves
        self.scale = scale
        self.axis = axis
    }

    private static let colours = [
        "#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e", "#8c564b", "#17becf", "#7f7f7f",
    ]
    private static let (width, height, left, bottom) = (760.0, 300.0, 60.0, 30.0)

    private var isLogarithmic: Bool { if case .logarithmic = scale { true } else { false } }
    /// Room for the names of the curves: those of growth are longer.
    private var right: Double { isLogarithmic ? 230 : 110 }

    /// The picture; empty without points.
    public func svg() -> String {
        let points = curves.flatMap(\.points).filter { !isLogarithmic || ($0.x > 0 && $0.low > 0) }
        guard let low = points.map(\.low).min(), let high = points.map(\.high).max() else { return "" }
        let (from, to) = (position(low), position(high))
        let span = to > from ? to - from : 1
        let (begin, end) = horizontalRange(points)
        let plot = Self.width - Self.left - right
        func x(_ value: Double) -> Double { Self.left + plot * (position(value) - begin) / max(end - begin, 1e-9) }
        func y(_ value: Double) -> Double {
            10 + (Self.height - Self.bottom - 20) * (1 - (position(value) - from) / span)
        }
        var parts: [String] = []
        for step in 0...4 {
            let value = self.value(from + span * Double(step) / 4)
            parts.append(
                String(
                    format: "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", Self.left,
                    Self.width - right, y(value), y(value)))
            parts.append(
                String(
                    format: "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"12\">", Self.left - 6,
                    y(value) + 4) + Self.label(value) + "</text>")
        }
        for (place, label) in horizontalLabels(begin, end) {
            parts.append(
                String(
                    format: "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\" font-size=\"12\">", x(place),
                    Self.height - 8) + label + "</text>")
        }
        if !axis.isEmpty {
            parts.append(
                "<text x=\"\(Int(Self.width - right) + 22)\" y=\"\(Int(Self.height) - 8)\" font-size=\"12\">"
                    + "\(Self.escape(axis))</text>")
        }
        for (index, curve) in curves.enumerated() { parts += draw(curve, index, x, y) }
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" "
            + "role=\"img\">\(parts.joined())</svg>"
    }

    private func draw(
        _ curve: Curve, _ index: Int, _ x: (Double) -> Double, _ y: (Double) -> Double
    ) -> [String] {
        func place(_ at: Double, _ value: Double) -> String { String(format: "%.1f,%.1f", x(at), y(value)) }
        let points = curve.points.filter { !isLogarithmic || ($0.x > 0 && $0.low > 0) }
        let colour = Self.colours[index % Self.colours.count]
        let band = points.map { place($0.x, $0.low) } + points.reversed().map { place($0.x, $0.high) }
        let line = points.map { place($0.x, $0.mean) }
        return [
            "<polygon points=\"\(band.joined(separator: " "))\" fill=\"\(colour)\" fill-opacity=\".18\"/>",
            "<polyline points=\"\(line.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.6\"/>",
            "<text x=\"\(Int(Self.width - right) + 10)\" y=\"\(24 + 18 * index)\" font-size=\"13\" fill=\"\(colour)\">"
                + "\(Self.escape(curve.name))</text>",
        ]
    }

    private func position(_ value: Double) -> Double { isLogarithmic ? log10(value) : value }

    private func value(_ position: Double) -> Double { isLogarithmic ? pow(10, position) : position }

    private func horizontalRange(_ points: [Point]) -> (Double, Double) {
        switch scale {
        case .linear(let end): (0, max(end, 1))
        case .logarithmic:
            (position(points.map(\.x).min() ?? 1), position(points.map(\.x).max() ?? 1))
        }
    }

    private func horizontalLabels(_ begin: Double, _ end: Double) -> [(Double, String)] {
        switch scale {
        case .linear(let last):
            (0...4).map { step in
                let place = Int(last) * step / 4
                return (Double(place), "\(place)")
            }
        case .logarithmic:
            stride(from: begin.rounded(.up), through: end, by: 1).map {
                (pow(10, $0), String(format: "%.0f", pow(10, $0)))
            }
        }
    }

    /// Three digits, and no exponent for what growth and accuracy come to.
    private static func label(_ value: Double) -> String {
        String(format: (1000..<1e6).contains(abs(value)) ? "%.0f" : "%.3g", value)
    }

    private static func escape(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: ">", with: "&gt;")
    }
}
