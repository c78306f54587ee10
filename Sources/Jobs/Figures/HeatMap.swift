internal import Foundation

/// A table of numbers as a drawing: green cells are good, red ones bad.
public struct HeatMap {
    /// One number.
    public struct Cell {
        /// What stands in the cell.
        public var text: String
        /// What the mouse finds there.
        public var title: String
        /// From 0, red, to 1, green.
        public var share: Double

        /// Creates a cell.
        public init(text: String, title: String, share: Double) {
            self.text = text
            self.title = title
            self.share = share
        }
    }

    /// The names of the columns.
    public var columns: [String]
    /// The names of the rows.
    public var rows: [String]
    /// By row and column; nil leaves a place empty.
    public var cells: [[Cell?]]
    /// What the colours and numbers are.
    public var note: String

    /// Creates a table; as many cells as rows times columns.
    public init(columns: [String], rows: [String], cells: [[Cell?]], note: String) {
        self.columns = columns
        self.rows = rows
        self.cells = cells
        self.note = note
    }

    private static let (left, top, width, height) = (190.0, 150.0, 46.0, 22.0)

    /// The drawing.
    public func svg() -> String {
        var parts: [String] = []
        for (x, column) in columns.enumerated() {
            let place = Self.left + Self.width * (Double(x) + 0.5)
            parts.append(
                String(
                    format: "<text transform=\"translate(%.1f,%.1f) rotate(-50)\" font-size=\"11\">%@</text>", place,
                    Self.top - 8, MarkupText.escape(column) as NSString))
        }
        for (y, row) in rows.enumerated() {
            let place = Self.top + Self.height * Double(y)
            parts.append(
                String(
                    format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\" font-size=\"11\">%@</text>", Self.left - 8,
                    place + 15, MarkupText.escape(row) as NSString))
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
                MarkupText.escape(note) as NSString))
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
            MarkupText.escape(cell.title) as NSString, x + width / 2, y + 15, MarkupText.escape(cell.text) as NSString)
    }
}
