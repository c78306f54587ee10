internal import Foundation

/// The paper's figures 4 to 7 for what was run: the relative change of the score under corruption, ours in both modes
/// beside the published one.
struct CorruptionFigure {
    /// One line over the rates.
    struct Series: Hashable {
        var name: String
        var points: [Point]

        struct Point: Hashable {
            var rate: Double
            var change: Double
        }
    }

    /// One data set and kind of corruption.
    struct Panel {
        var title: String
        var series: [Series]
    }

    /// The file's name without extension.
    var name: String
    var panels: [Panel]

    /// Figures 4 to 6 (one a kind), 7 (all kinds at 30 %) and `corruption` (all kinds side by side), for those that have
    /// rows.
    static func figures(_ rows: [BenchmarkRow]) -> [CorruptionFigure] {
        let kinds = CorruptionKind.allCases.compactMap { kind -> (CorruptionKind, [Panel])? in
            let own = rows.filter { $0.cell.corruption?.kind == kind && $0.relativeChange != nil }
            guard !own.isEmpty else { return nil }
            return (kind, panels(kind, own))
        }
        guard !kinds.isEmpty else { return [] }
        var figures = kinds.map { CorruptionFigure(name: "figure-\($0.figure)", panels: $1) }
        figures.append(CorruptionFigure(name: "corruption", panels: kinds.flatMap(\.1)))
        let atThirty = kinds.flatMap(\.1).map { panel in
            Panel(
                title: panel.title,
                series: panel.series.map { series in
                    Series(name: series.name, points: series.points.filter { $0.rate == 0.3 })
                }.filter { !$0.points.isEmpty })
        }.filter { !$0.series.isEmpty }
        if !atThirty.isEmpty { figures.append(CorruptionFigure(name: "figure-7", panels: atThirty)) }
        return figures
    }

    /// A panel for each setting but rate and mode, with a line a mode.
    private static func panels(_ kind: CorruptionKind, _ rows: [BenchmarkRow]) -> [Panel] {
        var settings: [BenchmarkCell] = []
        for row in rows where !settings.contains(row.cell.clean) { settings.append(row.cell.clean) }
        return settings.map { setting in
            let own = rows.filter { $0.cell.clean == setting }
            var series: [Series] = []
            for mode in Set(own.compactMap { $0.cell.corruption?.mode }).sorted() {
                series.append(
                    Series(
                        name: mode,
                        points: own.compactMap { row in
                            guard let corruption = row.cell.corruption, corruption.mode == mode,
                                let change = row.relativeChange
                            else { return nil }
                            return .init(rate: corruption.rate, change: change)
                        }.sorted { $0.rate < $1.rate }))
            }
            let rates = Set(own.compactMap { $0.cell.corruption?.rate }).sorted()
            let published = rates.compactMap { rate in
                PublishedResults.relativeChange(dataset: setting.dataset, kind: kind, rate: rate).map {
                    Series.Point(rate: rate, change: $0)
                }
            }
            if !published.isEmpty { series.append(Series(name: "published", points: published)) }
            let alpha = setting.alpha.map { ", alpha \($0)" } ?? ""
            return Panel(
                title: "\(kind.title): \(setting.dataset), \(setting.fusion), \(setting.algorithm)\(alpha)",
                series: series)
        }
    }

    private static let colours = ["faithful": "#1f77b4", "right": "#2ca02c", "published": "#888888"]
    private static let (width, height, left, top, bottom) = (360.0, 260.0, 52.0, 30.0, 36.0)

    /// The drawing; panels stand side by side, three in a row, and share one scale.
    func svg() -> String {
        let changes = panels.flatMap { $0.series.flatMap { $0.points.map(\.change) } }
        let low = 10 * ((min(0, changes.min() ?? 0)) / 10).rounded(.down)
        let high = 10 * ((max(0, changes.max() ?? 0)) / 10).rounded(.up)
        let scale = low...max(high, low + 10)
        let columns = min(3, panels.count)
        let rows = (panels.count + columns - 1) / max(1, columns)
        let parts = panels.enumerated().map { index, panel in
            let (x, y) = (Self.width * Double(index % columns), Self.height * Double(index / columns))
            return "<g transform=\"translate(\(Int(x)),\(Int(y)))\">\(Self.draw(panel, scale))</g>"
        }
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width) * columns) "
            + "\(Int(Self.height) * rows)\" role=\"img\" font-family=\"sans-serif\">\(parts.joined())</svg>\n"
    }

    private static func draw(_ panel: Panel, _ scale: ClosedRange<Double>) -> String {
        let rates = Set(panel.series.flatMap { $0.points.map(\.rate) }).sorted()
        let areaWidth = width - left - 16
        let areaHeight = height - top - bottom
        func x(_ rate: Double) -> Double {
            guard rates.count > 1, let first = rates.first, let last = rates.last else { return left + areaWidth / 2 }
            return left + 12 + (areaWidth - 24) * (rate - first) / (last - first)
        }
        func y(_ change: Double) -> Double {
            top + areaHeight * (scale.upperBound - change) / (scale.upperBound - scale.lowerBound)
        }
        var parts = [text(width / 2, 16, panel.title, anchor: "middle", size: 11)]
        for step in 0...4 {
            let value = scale.lowerBound + (scale.upperBound - scale.lowerBound) * Double(step) / 4
            parts.append(
                String(
                    format: "<line x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#ddd\"/>", left,
                    width - 16, y(value), y(value)))
            parts.append(text(left - 5, y(value) + 4, String(format: "%+.0f %%", value), anchor: "end", size: 10))
        }
        for rate in rates {
            parts.append(text(x(rate), height - 20, String(format: "%.0f %%", 100 * rate), anchor: "middle", size: 10))
        }
        for (index, series) in panel.series.enumerated() {
            let colour = colours[series.name] ?? "#d62728"
            if rates.count > 1 {
                let line = series.points.map { String(format: "%.1f,%.1f", x($0.rate), y($0.change)) }
                parts.append(
                    "<polyline points=\"\(line.joined(separator: " "))\" fill=\"none\" stroke=\"\(colour)\" "
                        + "stroke-width=\"1.8\"/>")
                parts += series.points.map {
                    String(
                        format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.6\" fill=\"%@\"/>", x($0.rate), y($0.change),
                        colour as NSString)
                }
            } else if let point = series.points.first {
                let slot = areaWidth / Double(panel.series.count)
                let from = left + slot * (Double(index) + 0.25)
                parts.append(
                    String(
                        format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"%@\"/>", from,
                        min(y(0), y(point.change)), slot / 2, abs(y(point.change) - y(0)), colour as NSString))
            }
            parts.append(
                text(left + 8 + 100 * Double(index), height - 5, series.name, anchor: "start", size: 11, colour))
        }
        return parts.joined()
    }

    private static func text(
        _ x: Double, _ y: Double, _ words: String, anchor: String, size: Int, _ colour: String = "#222"
    ) -> String {
        String(
            format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%@\" font-size=\"%d\" fill=\"%@\">%@</text>", x, y,
            anchor as NSString, size, colour as NSString, ReportPage.escape(words) as NSString)
    }
}
