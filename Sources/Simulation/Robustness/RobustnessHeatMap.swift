internal import Foundation

/// Macro F1 of every rule under every attack as a drawing: green is the clean plain mean or better, red is nothing.
struct RobustnessHeatMap {
    var table: RobustnessTable

    private static let (left, top, width, height) = (190.0, 150.0, 46.0, 22.0)

    func svg() -> String {
        let best = max(table.reference?.macroF1 ?? 1, 1e-9)
        var parts: [String] = []
        for (x, column) in table.columns.enumerated() {
            let place = Self.left + Self.width * (Double(x) + 0.5)
            parts.append(
                String(
                    format: "<text transform=\"translate(%.1f,%.1f) rotate(-50)\" font-size=\"11\">%@</text>", place,
                    Self.top - 8, ReportPage.escape(column.title) as NSString))
        }
        for (y, rule) in table.rules.enumerated() {
            let place = Self.top + Self.height * Double(y)
            parts.append(
                String(
                    format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"11\">%@</text>", Self.left - 8,
                    place + 15, ReportPage.escape(rule.text) as NSString))
            for (x, column) in table.columns.enumerated() {
                guard let row = table.row(rule, column) else { continue }
                parts.append(Self.cell(Self.left + Self.width * Double(x), place, row, best))
            }
        }
        let size = (
            Self.left + Self.width * Double(table.columns.count) + 110,
            Self.top + Self.height * Double(table.rules.count) + 34
        )
        let note =
            "Macro F1 in percent, \(table.dataset); green: the clean plain mean (\(Self.percent(best))) or better"
            + (table.isGenerated ? "; generated data" : "")
        parts.append(
            String(
                format: "<text x=\"8\" y=\"%.1f\" font-size=\"11\">%@</text>", size.1 - 8,
                ReportPage.escape(note) as NSString))
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(size.0)) \(Int(size.1))\" role=\"img\" "
            + "font-family=\"sans-serif\">\(parts.joined())</svg>\n"
    }

    private static func cell(_ x: Double, _ y: Double, _ row: RobustnessRow, _ best: Double) -> String {
        let share = min(1, max(0, row.macroF1 / best))
        let title =
            "\(row.cell.rule.text), \(row.cell.attack?.text ?? "clean"), \(row.cell.share): \(percent(row.macroF1)) %"
        return String(
            format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"hsl(%.0f,62%%,64%%)\" "
                + "stroke=\"#fff\"><title>%@</title></rect><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" "
                + "font-size=\"10\">%@</text>", x, y, width, height, 125 * share * share,
            ReportPage.escape(title) as NSString, x + width / 2, y + 15, percent(row.macroF1) as NSString)
    }

    private static func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
}
