internal import Foundation

/// Curves over rounds as SVG: a line for the mean and a band from the smallest to the largest value.
struct LineChart {
    struct Curve {
        var name: String
        var points: [(round: Int, spread: SimulationReport.Spread)]
    }

    var curves: [Curve]
    var rounds: Int

    private static let colours = ["#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e"]
    private static let (width, height, left, bottom) = (760.0, 300.0, 60.0, 30.0)

    func svg() -> String {
        let all = curves.flatMap { $0.points.flatMap { [$0.spread.low, $0.spread.high] } }
        guard let low = all.min(), let high = all.max() else { return "" }
        let span = high > low ? high - low : 1
        func x(_ round: Int) -> Double {
            Self.left + (Self.width - Self.left - 110) * Double(round) / Double(max(1, rounds - 1))
        }
        func y(_ value: Double) -> Double {
            10 + (Self.height - Self.bottom - 20) * (1 - (value - low) / span)
        }
        func point(_ round: Int, _ value: Double) -> String { String(format: "%.1f,%.1f", x(round), y(value)) }
        var parts: [String] = []
        for step in 0...4 {
            let value = low + span * Double(step) / 4
            parts.append(
                String(
                    format: "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", Self.left,
                    Self.width - 110, y(value), y(value)))
            parts.append(
                String(
                    format: "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"12\">%.3g</text>",
                    Self.left - 6, y(value) + 4, value))
        }
        for step in 0...4 {
            let round = (rounds - 1) * step / 4
            parts.append(
                String(
                    format: "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\" font-size=\"12\">%d</text>", x(round),
                    Self.height - 8, round))
        }
        for (index, curve) in curves.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let band =
                curve.points.map { point($0.round, $0.spread.low) }
                + curve.points.reversed().map { point($0.round, $0.spread.high) }
            let line = curve.points.map { point($0.round, $0.spread.mean) }
            parts.append("<polygon points=\"\(band.joined(separator: " "))\" fill=\"\(colour)\" fill-opacity=\".18\"/>")
            parts.append(
                "<polyline points=\"\(line.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.6\"/>"
            )
            parts.append(
                "<text x=\"\(Int(Self.width) - 100)\" y=\"\(24 + 18 * index)\" font-size=\"13\" fill=\"\(colour)\">"
                    + "\(ReportPage.escape(curve.name))</text>")
        }
        return "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">\(parts.joined())</svg>"
    }
}
