import Foundation
import TestSupport
import Testing

@testable import Simulation

/// The runs that a benchmark of many cells keeps.
@Suite struct BenchmarkLedgerTests {
    struct Cell: LedgerCell, Codable {
        var name: String
    }

    struct Entry: LedgerEntry, Equatable {
        var cell: Cell
        var seed: UInt64
        var score: Int
    }

    /// What was asked of the steps, in order.
    private final class Record {
        var asked: [String] = []
        var reported: [Int] = []
    }

    private func steps(_ record: Record, stopAt: String? = nil, way: String? = nil) -> BenchmarkLedger<Entry>.Steps {
        .init(
            keep: { entry, entries in
                record.asked.append("keep \(entry.cell.name) \(entry.seed) of \(entries.count)")
                return way
            },
            make: { place, entries in
                let name = "\(place.cell.name) \(place.seed)"
                if name == stopAt { return nil }
                record.asked.append("make \(name) \(place.done)/\(place.total) beside \(entries.count)")
                return Entry(cell: place.cell, seed: place.seed, score: entries.count)
            }, report: { record.reported.append($0.count) })
    }

    @Test func seedsAreTheOuterLoopAndAStopKeepsWhatIsComplete() throws {
        let folder = try TemporaryFolder()
        let cells = [Cell(name: "a"), Cell(name: "b")]
        let record = Record()
        var ledger = try BenchmarkLedger<Entry>(folder: folder.file("runs"))
        #expect(try !ledger.complete(cells, seeds: [1, 2], steps: steps(record, stopAt: "b 2")))
        #expect(record.asked == ["make a 1 0/4 beside 0", "make b 1 1/4 beside 1", "make a 2 2/4 beside 2"])
        #expect(record.reported == [1, 2, 3])

        let second = Record()
        var opened = try BenchmarkLedger<Entry>(folder: folder.file("runs"))
        #expect(opened.entries == ledger.entries)
        #expect(try opened.complete(cells, seeds: [1, 2], steps: steps(second)))
        #expect(second.asked == ["keep a 1 of 3", "keep b 1 of 3", "keep a 2 of 3", "make b 2 3/4 beside 3"])
        // Once more at the end, so that a command that makes nothing writes its tables anew.
        #expect(second.reported == [4, 4])
    }

    @Test func runsThatAreNotAskedForStay() throws {
        let folder = try TemporaryFolder()
        var ledger = try BenchmarkLedger<Entry>(folder: folder.path)
        _ = try ledger.complete([Cell(name: "a")], seeds: [1], steps: steps(Record()))
        var other = try BenchmarkLedger<Entry>(folder: folder.path)
        _ = try other.complete([Cell(name: "b")], seeds: [2], steps: steps(Record()))
        #expect(try BenchmarkLedger<Entry>(folder: folder.path).entries.map(\.cell.name) == ["a", "b"])
        let lines = try String(decoding: folder.read("runs.json"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 4 && lines[1] == #"{"cell":{"name":"a"},"score":0,"seed":1},"#)
    }

    @Test func aRunThatWasMadeInAnotherWayIsRefused() throws {
        let folder = try TemporaryFolder()
        var ledger = try BenchmarkLedger<Entry>(folder: folder.path)
        _ = try ledger.complete([Cell(name: "a")], seeds: [1], steps: steps(Record()))
        let error = #expect(throws: SimulationError.self) {
            _ = try ledger.complete([Cell(name: "a")], seeds: [1], steps: steps(Record(), way: "for 2 rounds"))
        }
        #expect(error?.code == .checkpoint)
        #expect(error?.message.contains("a, seed 1, was run for 2 rounds: choose another output folder") == true)
    }

    @Test func aFileThatIsNoLedgerIsNamed() throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("[{]".utf8), to: "runs.json")
        let error = #expect(throws: SimulationError.self) { _ = try BenchmarkLedger<Entry>(folder: folder.path) }
        #expect(error?.code == .checkpoint)
        #expect(error?.message.contains("runs.json: cannot be read") == true)
    }
}
