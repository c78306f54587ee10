import ArgumentParser

/// The cells of a grid of `--sweep key=a,b` options, in the order of the options.
struct SweepGrid {
    /// One combination.
    struct Cell {
        /// The values by key path.
        var values: [String: String] = [:]
        /// A folder name for it; empty without a sweep.
        var name = ""
    }

    /// At most so many runs are asked for by one command.
    static let maximumCells = 10_000

    let cells: [Cell]

    init(_ sweeps: [String]) throws {
        var cells = [Cell()]
        for sweep in sweeps {
            let (key, list) = try Self.assignment(sweep, option: "--sweep")
            let values = list.split(separator: ",").map(String.init)
            guard !values.isEmpty, cells.count * values.count <= Self.maximumCells else {
                throw ValidationError(
                    "--sweep \(sweep): expected values with commas between, and at most \(Self.maximumCells) runs")
            }
            cells = cells.flatMap { cell in
                values.map { value in
                    var next = cell
                    next.values[key] = value
                    next.name += (cell.name.isEmpty ? "" : ",") + "\(key)=\(value)"
                    return next
                }
            }
        }
        guard Set(cells.map(\.name)).count == cells.count,
            Set(sweeps.map { $0.prefix { $0 != "=" } }).count == sweeps.count
        else {
            throw ValidationError("--sweep: expected every key once and no value twice")
        }
        guard cells.allSatisfy({ !$0.name.contains("/") && $0.name.utf8.count < 200 && $0.name.first != "." }) else {
            throw ValidationError("--sweep: expected values that can be part of a folder's name")
        }
        self.cells = cells
    }

    /// Splits `key=value`.
    static func assignment(_ text: String, option: String) throws -> (key: String, value: String) {
        guard let equals = text.firstIndex(of: "="), equals > text.startIndex else {
            throw ValidationError("\(option) \(text): expected key=value")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }
}
