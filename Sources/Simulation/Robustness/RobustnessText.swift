internal import Foundation

/// The benchmark's rows as Markdown tables, which read as well on a terminal.
public enum RobustnessText {
    /// How many points below the clean plain mean still count as standing an attack.
    static let tolerance = 5.0

    /// For each data set a table of macro F1 and one of accuracy, both in percent with their standard deviations where there
    /// are several seeds, and which rules stand which attack.
    public static func tables(_ rows: [RobustnessRow]) -> String {
        RobustnessTable.tables(rows).flatMap { dataset, table in
            var parts = [
                "## \(dataset)", "Macro F1 in percent", grid(table) { score($0.macroF1, $0.deviation, $0) },
                "Accuracy in percent",
                grid(table) { score($0.accuracy, $0.accuracyDeviation, $0) },
            ]
            if rows.contains(where: { $0.cell.dataset == dataset && $0.attackSuccess != nil }) {
                parts += [
                    "Triggered examples that are given a backdoor's target, in percent",
                    grid(table) { $0.attackSuccess.map { String(format: "%.1f", 100 * $0) } ?? "" },
                ]
            }
            parts += standing(table).map { [$0] } ?? []
            if table.isGenerated { parts.append("Generated data: no figure says anything about real data.") }
            return parts
        }.joined(separator: "\n\n")
    }

    private static func grid(_ table: RobustnessTable, _ text: (RobustnessRow) -> String) -> String {
        let head = ["rule"] + table.columns.map(\.title)
        let rows = table.rules.map { rule in
            [rule.text] + table.columns.map { column in table.row(rule, column).map(text) ?? "" }
        }
        return BenchmarkText.table(head, rows)
    }

    /// The mean with its standard deviation over the seeds, where there are several.
    private static func score(_ value: Double, _ deviation: Double?, _ row: RobustnessRow) -> String {
        if row.failed == row.seeds.count { return "failed" }
        let text =
            String(format: "%.1f", 100 * value) + (deviation.map { String(format: " ± %.1f", 100 * $0) } ?? "")
        return row.failed == 0 ? text : "\(text) (\(row.failed) failed)"
    }

    /// Which rules are within the tolerance of the clean plain mean, attack by attack.
    private static func standing(_ table: RobustnessTable) -> String? {
        guard let reference = table.reference else { return nil }
        let lines = table.columns.filter { $0.attack != nil }.map { column in
            let rules = table.rules(within: tolerance, in: column).map(\.text)
            return [column.title, rules.isEmpty ? "none" : rules.joined(separator: ", ")]
        }
        guard !lines.isEmpty else { return nil }
        return String(
            format: "Within %.0f points of the plain mean's clean macro F1 (%.1f %%):", tolerance,
            100 * reference.macroF1) + "\n\n" + BenchmarkText.table(["attack", "rules"], lines)
    }
}
