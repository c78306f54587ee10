/// The rows of one data set as a grid: rules down, attacks and shares across.
struct RobustnessTable {
    /// A column: the clean run, or an attack by a share.
    struct Column: Hashable {
        var attack: NamedSettings?
        var share: Double

        var title: String { attack.map { "\($0.text) \(Int((100 * share).rounded())) %" } ?? "clean" }
    }

    var dataset: String
    var rules: [NamedSettings] = []
    var columns: [Column] = []
    private var rows: [RobustnessCell: RobustnessRow] = [:]

    /// The row of a place; nil where nothing was run.
    func row(_ rule: NamedSettings, _ column: Column) -> RobustnessRow? {
        rows[RobustnessCell(dataset: dataset, rule: rule, attack: column.attack, share: column.share)]
    }

    /// The clean run of the plain mean: what everything is measured against.
    var reference: RobustnessRow? { row(NamedSettings("mean"), Column(attack: nil, share: 0)) }

    /// Whether any row's data were generated.
    var isGenerated: Bool { rows.values.contains(where: \.isGenerated) }

    /// The rules whose macro F1 in a column is at most so many points (hundredths) below the clean plain mean's.
    func rules(within points: Double, in column: Column) -> [NamedSettings] {
        guard let reference else { return [] }
        return rules.filter { rule in
            row(rule, column).map { 100 * (reference.macroF1 - $0.macroF1) <= points } ?? false
        }
    }

    /// One table a data set, in the order of the rows; columns by share and then by attack, the clean one first.
    static func tables(_ rows: [RobustnessRow]) -> [(dataset: String, table: RobustnessTable)] {
        var tables: [RobustnessTable] = []
        for row in rows {
            let cell = row.cell
            let index = tables.firstIndex { $0.dataset == cell.dataset } ?? tables.endIndex
            if index == tables.endIndex { tables.append(RobustnessTable(dataset: cell.dataset)) }
            let column = Column(attack: cell.attack, share: cell.share)
            if !tables[index].rules.contains(cell.rule) { tables[index].rules.append(cell.rule) }
            if !tables[index].columns.contains(column) { tables[index].columns.append(column) }
            tables[index].rows[cell] = row
        }
        return tables.map { table in
            var table = table
            let order = table.columns.enumerated().sorted {
                ($0.element.share, $0.offset) < ($1.element.share, $1.offset)
            }
            table.columns = order.map(\.element)
            return (table.dataset, table)
        }
    }

    private init(dataset: String) { self.dataset = dataset }
}
