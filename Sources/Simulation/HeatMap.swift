internal import Foundation

/// A table of numbers as a drawing: green cells are good, red ones bad.
struct HeatMap {
    /// One number.
    struct Cell {
        /// What stands in the cell.
        var text: String
        /// What the mouse finds there.
        var title: String
        /// From 0, red, to 1, green.
        var share: Double
    }

    var columns: [String]
    var rows: [String]
    /// By row and column; nil leaves a place empty.
    var cells: [[Cell?]]
    /// What the colours and numbers are.
    var note: String

    private static let (left, top, width, height) = (190.0, 150.0, 46.0, 22.0)

    func svg() -> String {
        var parts: [String] = []
        for (x, column) in columns.enumerated() {
            let place = Self.left + Self.width * (Double(x) + 0.5)
            parts.append(
                String(
                    format: "<text transform=\"translate(%.1f,%.1f) rotate(-50)\" font-size=\"11\">%@</text>", place,
                    Self.top - 8, ReportPage.escape(column) as NSString))
        }
        for (y, row) in rows.enumerated() {
            let place = Self.top + Self.height * Double(y)
            parts.append(
                String(
                    format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"11\">%@</text>", Self.left - 8,
                    place + 15, ReportPage.escape(row) as NSString))
            for (x, cell) in cells[y].enumerated() {
                if let cell { parts.append(Self.drawing(Self.left + Self.width * Double(x), place, cell)) }
            }
        }
        let size = (
            Self.left + Self.width * Double(columns.count) + 110, Self.top + Self.height * Double(rows.count) + 34
        )
        parts.append(
            String(
                format: "<text x=\"8\" y=\"%.1f\" font-size=\"11\">%@</text>", size.1 - 8,
                ReportPage.escape(note) as NSString))
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(size.0)) \(Int(size.1))\" role=\"img\" "
            + "font-family=\"sans-serif\">\(parts.joined())</svg>\n"
    }

    private static func drawing(_ x: Double, _ y: Double, _ cell: Cell) -> String {
        let share = min(1, max(0, cell.share))
        return String(
            format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" fill=\"hsl(%.0f,62%%,64%%)\" "
                + "stroke=\"#fff\"><title>%@</title></rect><text x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\" "
                + "font-size=\"10\">%@</text>", x, y, width, height, 125 * share * share,
            ReportPage.escape(cell.title) as NSString, x + width / 2, y + 15, ReportPage.escape(cell.text) as NSString)
    }
}
