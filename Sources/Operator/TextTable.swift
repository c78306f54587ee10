/// A table of text columns, aligned for a terminal of fixed-width characters.
public struct TextTable: Sendable {
    /// Which side a column's text keeps to.
    public enum Alignment: Sendable {
        /// Text.
        case left
        /// Numbers.
        case right
    }

    private let headings: [(title: String, alignment: Alignment)]
    private var rows: [[String]] = []

    /// A table with the given column headings.
    public init(_ headings: [(String, Alignment)]) {
        self.headings = headings.map { (title: $0.0, alignment: $0.1) }
    }

    /// Adds a row; cells beyond the headings are dropped, missing ones are empty.
    public mutating func add(_ cells: [String]) {
        rows.append((0..<headings.count).map { $0 < cells.count ? Self.printable(cells[$0]) : "" })
    }

    /// The lines: headings, then rows; two spaces between columns, no trailing blanks.
    public func lines() -> [String] {
        let all = [headings.map(\.title)] + rows
        let widths = headings.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                if column > 0 { line += "  " }
                line += headings[column].alignment == .right ? padding + cell : cell + padding
            }
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    /// Text from a peer without control characters, so that it cannot steer the terminal.
    static func printable(_ text: String) -> String {
        String(
            String.UnicodeScalarView(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "?" : $0 }))
    }
}
