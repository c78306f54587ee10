internal import Foundation
internal import Jobs

/// Boxes over rounds as SVG: quartiles with the median, whiskers to the extremes, a dot at the mean of the worst tenth.
struct BoxPlot {
    var boxes: [(round: Int, values: MetricDistribution)]

    private static let (width, height, left, bottom) = (760.0, 300.0, 60.0, 30.0)
    private static let mostBoxes = 40

    func svg() -> String {
        let low = boxes.map(\.values.minimum).min() ?? 0
        let high = boxes.map(\.values.maximum).max() ?? 0
        guard !boxes.isEmpty else { return "" }
        let span = high > low ? high - low : 1
        func y(_ value: Double) -> Double { 10 + (Self.height - Self.bottom - 20) * (1 - (value - low) / span) }
        let step = (boxes.count + Self.mostBoxes - 1) / Self.mostBoxes
        // The last round is always among them.
        let shown = stride(from: boxes.count - 1, through: 0, by: -step).reversed().map { boxes[$0] }
        let pitch = (Self.width - Self.left - 20) / Double(shown.count)
        let half = min(20, pitch * 0.35)
        var parts: [String] = []
        for tick in 0...4 {
            let value = low + span * Double(tick) / 4
            parts.append(line(Self.left, y(value), Self.width - 20, y(value), "#ddd"))
            parts.append(text(Self.left - 6, y(value) + 4, "end", String(format: "%.3g", value)))
        }
        for (index, box) in shown.enumerated() {
            let x = Self.left + pitch * (Double(index) + 0.5)
            let values = box.values
            parts.append(line(x, y(values.minimum), x, y(values.maximum), "#1f77b4"))
            let (top, bottom) = (y(values.upperQuartile), y(values.lowerQuartile))
            parts.append(
                String(
                    format:
                        "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"#d6e6f4\" stroke=\"#1f77b4\"/>",
                    x - half, top, 2 * half, max(0.5, bottom - top)))
            parts.append(line(x - half, y(values.median), x + half, y(values.median), "#1f77b4"))
            parts.append(
                String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"#d62728\"/>", x, y(values.worstTenth)))
            parts.append(text(x, Self.height - 8, "middle", "\(box.round)"))
        }
        return "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\">\(parts.joined())</svg>"
    }

    private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String) -> String {
        String(format: "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" ", x1, y1, x2, y2)
            + "stroke=\"\(colour)\"/>"
    }

    private func text(_ x: Double, _ y: Double, _ anchor: String, _ text: String) -> String {
        String(format: "<text x=\"%.1f\" y=\"%.1f\" ", x, y)
            + "text-anchor=\"\(anchor)\" font-size=\"12\">\(text)</text>"
    }
}
