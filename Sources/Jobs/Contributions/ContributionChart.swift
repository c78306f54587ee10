internal import Foundation

/// Contribution scores as bars from zero, with a line of one standard error to either side.
public struct ContributionChart {
    /// What is drawn.
    public let totals: ContributionTotals

    private static let (width, left, pitch, most) = (760.0, 190.0, 18.0, 60)

    /// The clients with the highest and lowest scores, so many at most.
    private var shown: [ContributionTotals.Client] {
        guard totals.clients.count > Self.most else { return totals.clients }
        return Array(totals.clients.prefix(Self.most / 2) + totals.clients.suffix(Self.most / 2))
    }

    /// A drawing of these scores.
    public init(totals: ContributionTotals) {
        self.totals = totals
    }

    /// The drawing.
    public func svg() -> String {
        let clients = shown
        let low = min(0, clients.map { $0.score - ($0.standardError ?? 0) }.min() ?? 0)
        let high = max(0, clients.map { $0.score + ($0.standardError ?? 0) }.max() ?? 0)
        let span = high > low ? high - low : 1
        func x(_ value: Double) -> Double { Self.left + (Self.width - Self.left - 90) * (value - low) / span }
        var parts: [String] = []
        for (index, client) in clients.enumerated() {
            let y = 6 + Self.pitch * Double(index)
            let (from, to) = (min(x(0), x(client.score)), max(x(0), x(client.score)))
            parts.append(Self.text(Self.left - 8, y + 11, "end", client.name))
            parts.append(
                String(
                    format: "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"12\" fill=\"%@\"/>", from, y,
                    max(0.5, to - from), (client.score < 0 ? "#d62728" : "#1f77b4") as NSString))
            if let error = client.standardError {
                parts.append(
                    String(
                        format: "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#222\"/>",
                        x(client.score - error), y + 6, x(client.score + error), y + 6))
            }
            parts.append(Self.text(Self.width - 84, y + 11, "start", String(format: "%+.4f", client.score)))
        }
        let height = 12 + Self.pitch * Double(clients.count)
        parts.append(
            String(
                format: "<line x1=\"%.1f\" y1=\"0\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888\"/>", x(0), x(0), height))
        return
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Int(Self.width)) \(Int(height))\" role=\"img\" "
            + "font-family=\"sans-serif\">\(parts.joined())</svg>"
    }

    private static func text(_ x: Double, _ y: Double, _ anchor: String, _ text: String) -> String {
        String(format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%@\" font-size=\"11\">", x, y, anchor as NSString)
            + MarkupText.escape(text) + "</text>"
    }
}
