/// A picture of a partition: a bar a client for its size, and under it what its labels are.
///
/// The SVG stands alone: no script, no font or file from elsewhere. Of more than ``maximumClients`` clients that many
/// are drawn, at even steps through the list, and of more than ``maximumClasses`` classes the first; both are said in
/// the text.
public struct HeterogeneityPlot: Sendable {
    /// The most clients that are drawn.
    public static let maximumClients = 400
    /// The most classes that are drawn.
    public static let maximumClasses = 200

    private static let left = 150.0
    private static let width = 1000.0
    private static let barTop = 56.0
    private static let barHeight = 180.0
    private static let heatTop = 272.0

    private let report: HeterogeneityReport
    private let classes: [String]
    private let title: String
    private let clients: [HeterogeneityReport.Client]
    private let shownClasses: Int

    /// A picture of a report.
    ///
    /// - Parameters:
    ///   - report: the report.
    ///   - classes: the names of the classes; missing ones are numbered.
    ///   - title: the heading.
    public init(_ report: HeterogeneityReport, classes: [String], title: String) {
        self.report = report
        self.classes = classes
        self.title = title
        let count = min(report.clients.count, Self.maximumClients)
        clients = (0..<count).map { report.clients[$0 * report.clients.count / count] }
        shownClasses = min(report.clients.first?.labels.count ?? 0, Self.maximumClasses)
    }

    private var column: Double { (Self.width - Self.left - 30) / Double(max(1, clients.count)) }
    private var row: Double { min(28, max(3, 480 / Double(max(1, shownClasses)))) }
    private var heatBottom: Double { Self.heatTop + row * Double(shownClasses) }

    /// The picture.
    public func svg() -> String {
        let height = heatBottom + 64
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.text(Self.width)) \(Self.text(height))\" "
                + "width=\"\(Self.text(Self.width))\" height=\"\(Self.text(height))\" font-family=\"sans-serif\" "
                + "font-size=\"12\" fill=\"#222\">",
            "<title>\(Self.escaped(title))</title>",
            "<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>",
            "<text x=\"\(Self.text(Self.left))\" y=\"22\" font-size=\"16\">\(Self.escaped(title))</text>",
            "<text x=\"\(Self.text(Self.left))\" y=\"42\" fill=\"#555\">\(Self.escaped(summary))</text>",
        ]
        lines += bars()
        lines += heatMap()
        lines += scale()
        lines.append("</svg>")
        return lines.joined(separator: "\n") + "\n"
    }

    private var summary: String {
        var text = "\(report.clients.count) clients"
        if clients.count < report.clients.count { text += " (\(clients.count) drawn)" }
        text += ", rows \(Self.text(report.sizes.min)) to \(Self.text(report.sizes.max)), "
        text += "Jensen-Shannon distance of labels \(Self.text(report.distance.mean)) on average"
        let all = report.clients.first?.labels.count ?? 0
        return shownClasses < all ? text + ", first \(shownClasses) of \(all) classes" : text
    }

    private func bars() -> [String] {
        let largest = max(1, report.sizes.max)
        let bottom = Self.barTop + Self.barHeight
        var lines: [String] = []
        for fraction in [0, 0.5, 1] {
            let y = bottom - fraction * Self.barHeight
            lines.append(
                "<line x1=\"\(Self.text(Self.left))\" x2=\"\(Self.text(Self.width - 30))\" y1=\"\(Self.text(y))\" "
                    + "y2=\"\(Self.text(y))\" stroke=\"#ddd\"/>")
            lines.append(label(Self.text((fraction * largest).rounded()), x: Self.left - 8, y: y + 4))
        }
        lines.append(label("rows", x: Self.left - 8, y: bottom - Self.barHeight * 0.75 + 4))
        for (index, client) in clients.enumerated() {
            let height = Double(client.rows) / largest * Self.barHeight
            lines.append(
                rectangle(index, y: bottom - height, height: height, fill: "#4c78a8", opacity: 1)
                    + "<title>\(Self.escaped(client.id)): \(client.rows) rows</title></rect>")
        }
        return lines
    }

    private func heatMap() -> [String] {
        var lines: [String] = []
        for label in 0..<shownClasses where row >= 10 || label % 10 == 0 {
            let name = classes.indices.contains(label) ? classes[label] : "class \(label)"
            let y = Self.heatTop + row * (Double(label) + 0.5) + 4
            lines.append(self.label(Self.escaped(String(name.prefix(22))), x: Self.left - 8, y: y))
        }
        for (index, client) in clients.enumerated() {
            for label in 0..<shownClasses where client.labels[label] > 0 {
                let share = Double(client.labels[label]) / Double(max(1, client.rows))
                lines.append(
                    rectangle(
                        index, y: Self.heatTop + row * Double(label), height: row, fill: "#b3392f", opacity: share)
                        + "<title>\(Self.escaped(client.id)), class \(label): \(client.labels[label])</title></rect>")
            }
        }
        lines.append(
            "<rect x=\"\(Self.text(Self.left))\" y=\"\(Self.text(Self.heatTop))\" "
                + "width=\"\(Self.text(Self.width - Self.left - 30))\" "
                + "height=\"\(Self.text(heatBottom - Self.heatTop))\" fill=\"none\" stroke=\"#bbb\"/>")
        let step = max(1, Int((60 / column).rounded(.up)))
        for index in stride(from: 0, to: clients.count, by: step) {
            let x = Self.left + column * (Double(index) + 0.5)
            lines.append(
                "<text x=\"\(Self.text(x))\" y=\"\(Self.text(heatBottom + 16))\" text-anchor=\"middle\" "
                    + "font-size=\"10\">\(Self.escaped(String(clients[index].id.prefix(10))))</text>")
        }
        return lines
    }

    private func scale() -> [String] {
        let y = heatBottom + 34
        var lines = [label("share of a client's rows", x: Self.width - 30 - 150, y: y + 10)]
        for step in 0...4 {
            let x = Self.width - 30 - 140 + Double(step) * 28
            lines.append(
                "<rect x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" width=\"28\" height=\"12\" fill=\"#b3392f\" "
                    + "fill-opacity=\"\(Self.text(Double(step) / 4))\" stroke=\"#bbb\" stroke-width=\"0.5\"/>"
                    + "<text x=\"\(Self.text(x + 14))\" y=\"\(Self.text(y + 24))\" text-anchor=\"middle\" "
                    + "font-size=\"10\">\(Self.text(Double(step) / 4))</text>")
        }
        return lines
    }

    /// An open rectangle in a client's column; the caller closes it.
    private func rectangle(_ index: Int, y: Double, height: Double, fill: String, opacity: Double) -> String {
        let gap = column > 6 ? 1.0 : 0
        return "<rect x=\"\(Self.text(Self.left + column * Double(index)))\" y=\"\(Self.text(y))\" "
            + "width=\"\(Self.text(column - gap))\" height=\"\(Self.text(height))\" fill=\"\(fill)\""
            + (opacity < 1 ? " fill-opacity=\"\(Self.text(opacity))\">" : ">")
    }

    private func label(_ text: String, x: Double, y: Double) -> String {
        "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" text-anchor=\"end\">\(text)</text>"
    }

    /// A number with at most three places, without a locale's comma.
    private static func text(_ value: Double) -> String {
        let rounded = (value * 1000).rounded() / 1000
        return rounded == rounded.rounded() ? String(Int(rounded)) : String(rounded)
    }

    /// Text as XML content; characters that XML forbids become `?`.
    private static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default:
                let isForbidden = scalar.value < 0x20 || scalar.value == 0xFFFE || scalar.value == 0xFFFF
                result.unicodeScalars.append(isForbidden ? "?" : scalar)
            }
        }
        return result
    }
}
