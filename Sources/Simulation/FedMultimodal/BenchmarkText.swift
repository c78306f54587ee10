internal import Foundation

/// The benchmark's rows as Markdown tables, which read as well on a terminal.
public enum BenchmarkText {
    /// The table of clean cells, and the table of corrupted ones; each is left out when it has no row.
    public static func tables(_ rows: [BenchmarkRow]) -> String {
        let clean = rows.filter { $0.cell.corruption == nil }
        let corrupted = rows.filter { $0.cell.corruption != nil }
        var parts: [String] = []
        if !clean.isEmpty {
            parts.append(
                table(
                    ["data", "fusion", "alpha", "algorithm", "seeds", "here", "published", "difference"],
                    clean.map { row in
                        setting(row) + [
                            "\(row.seeds.count)", score(row), row.published.map { String(format: "%.2f", $0) } ?? "",
                            row.difference.map { String(format: "%+.2f", $0) } ?? "",
                        ]
                    }))
        }
        if !corrupted.isEmpty {
            parts.append(
                table(
                    [
                        "data", "fusion", "alpha", "algorithm", "corruption", "rate", "mode", "seeds", "here",
                        "change %", "published %",
                    ],
                    corrupted.map { row in
                        setting(row) + [
                            row.cell.corruption?.kind.title ?? "", row.cell.corruption.map { "\($0.rate)" } ?? "",
                            row.cell.corruption?.mode ?? "", "\(row.seeds.count)", score(row),
                            row.relativeChange.map { String(format: "%+.1f", $0) } ?? "",
                            row.publishedChange.map { String(format: "%+.1f", $0) } ?? "",
                        ]
                    }))
        }
        if rows.contains(where: { $0.cell.isFolded && !$0.isGenerated }) {
            parts.append("Seeds of one fold are not set against the paper's mean over folds.")
        }
        if rows.contains(where: \.isGenerated) {
            parts.append("Rows on generated data say nothing about real data and have no published score.")
        }
        return parts.joined(separator: "\n\n")
    }

    private static func setting(_ row: BenchmarkRow) -> [String] {
        [
            row.isGenerated ? "\(row.cell.dataset) (generated)" : row.cell.dataset, row.cell.fusion,
            row.cell.alpha.map { "\($0)" } ?? "natural", row.cell.algorithm,
        ]
    }

    private static func score(_ row: BenchmarkRow) -> String {
        String(format: "%.2f", row.mean) + (row.deviation.map { String(format: " ± %.2f", $0) } ?? "")
    }

    /// A table whose columns are as wide as their widest cell.
    static func table(_ head: [String], _ rows: [[String]]) -> String {
        let widths = head.indices.map { column in ([head] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            "| "
                + zip(cells, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: " | ") + " |"
        }
        let rule = "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|"
        return ([line(head), rule] + rows.map(line)).joined(separator: "\n")
    }
}
