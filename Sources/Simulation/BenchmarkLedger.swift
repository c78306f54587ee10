internal import Durability
internal import Foundation

/// A setting of a benchmark of many runs.
protocol LedgerCell: Equatable {
    /// A folder's name, by which messages call it too.
    var name: String { get }
}

/// What came of one cell under one seed: a line of a benchmark's `runs.json`.
protocol LedgerEntry: Codable {
    /// What was run.
    associatedtype Cell: LedgerCell
    /// The cell.
    var cell: Cell { get }
    /// The seed.
    var seed: UInt64 { get }
}

extension BenchmarkCell: LedgerCell {}
extension RobustnessCell: LedgerCell {}
extension BenchmarkRun: LedgerEntry {}
extension RobustnessRun: LedgerEntry {}

/// The complete runs of a benchmark of many cells and seeds, which its output folder keeps in `runs.json`, one a line.
///
/// The file is replaced as a whole and durably after every run, so that a benchmark that ends anywhere loses at most the run
/// that it was in. Runs of cells and seeds that are not asked for stay in it.
struct BenchmarkLedger<Entry: LedgerEntry> {
    /// Bytes of the largest file that is read.
    private static var limit: Int { 64 << 20 }

    /// The file.
    let file: String
    /// The complete runs, in the order in which they were made.
    private(set) var entries: [Entry]

    /// A run that is to be made.
    struct Place {
        /// What is run.
        let cell: Entry.Cell
        /// The seed.
        let seed: UInt64
        /// How many runs come before it.
        let done: Int
        /// How many there are.
        let total: Int
    }

    /// What a benchmark does in the course of ``complete(_:seeds:steps:)``; each is given all runs of the file.
    struct Steps {
        /// Looks at a run that the file has; gives the way in which it was made when that is not what is asked for.
        var keep: (Entry, [Entry]) throws -> String?
        /// Makes a run; nil when it was stopped.
        var make: (Place, [Entry]) throws -> Entry?
        /// Writes what is drawn from the runs.
        var report: ([Entry]) throws -> Void
    }

    /// Opens the ledger of a folder, which is made if it is not there.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` for a file that cannot be read.
    init(folder: String) throws {
        try PosixFileSystem().makeDirectory(folder)
        file = "\(folder)/runs.json"
        entries = []
        guard FileManager.default.fileExists(atPath: file) else { return }
        do {
            entries = try JSONDecoder().decode(
                [Entry].self, from: Data(PosixFileSystem().read(file, limit: Self.limit)))
        } catch {
            throw SimulationError(
                .checkpoint,
                "\(file): cannot be read: remove it to run everything again, or choose another output folder",
                cause: error)
        }
    }

    /// Makes the runs that the file does not have. Seeds are the outer loop, so that all cells have the first seed early.
    ///
    /// - Returns: whether all are there; false when `steps.make` was stopped.
    /// - Throws: what the steps throw; ``SimulationError`` `checkpoint` for a run that was made in another way.
    mutating func complete(_ cells: [Entry.Cell], seeds: [UInt64], steps: Steps) throws -> Bool {
        var done = 0
        for seed in seeds {
            for cell in cells {
                if let entry = entries.first(where: { $0.cell == cell && $0.seed == seed }) {
                    if let way = try steps.keep(entry, entries) {
                        throw SimulationError(
                            .checkpoint,
                            "\(file): \(cell.name), seed \(seed), was run \(way): choose another output folder")
                    }
                } else {
                    let place = Place(cell: cell, seed: seed, done: done, total: seeds.count * cells.count)
                    guard let entry = try steps.make(place, entries) else { return false }
                    entries.append(entry)
                    try write(steps)
                }
                done += 1
            }
        }
        try write(steps)
        return true
    }

    private func write(_ steps: Steps) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let lines = try entries.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        try DurableFile.write("[\n" + lines.joined(separator: ",\n") + "\n]\n", to: file, permissions: 0o644)
        try steps.report(entries)
    }
}
