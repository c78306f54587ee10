internal import Foundation
internal import Jobs

/// Macro F1 of every rule under every attack as a drawing: green is the clean plain mean or better, red is nothing.
struct RobustnessHeatMap {
    var table: RobustnessTable

    func svg() -> String {
        let best = max(table.reference?.macroF1 ?? 1, 1e-9)
        return HeatMap(
            columns: table.columns.map(\.title), rows: table.rules.map(\.text),
            cells: table.rules.map { rule in
                table.columns.map { column in table.row(rule, column).map { Self.cell($0, best) } }
            },
            note: "Macro F1 in percent, \(table.dataset); green: the clean plain mean (\(Self.percent(best))) or better"
                + (table.isGenerated ? "; generated data" : "")
        ).svg()
    }

    private static func cell(_ row: RobustnessRow, _ best: Double) -> HeatMap.Cell {
        HeatMap.Cell(
            text: percent(row.macroF1),
            title:
                "\(row.cell.rule.text), \(row.cell.attack?.text ?? "clean"), \(row.cell.share): \(percent(row.macroF1)) %",
            share: row.macroF1 / best)
    }

    private static func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
}
