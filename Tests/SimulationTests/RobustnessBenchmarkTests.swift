import Foundation
import Jobs
import TestSupport
import Testing

@testable import Simulation

/// The robustness benchmark on generated data: it keeps what is complete, and its tables say what happened.
@Suite struct RobustnessBenchmarkTests {
    private static let mean = NamedSettings("mean")

    private func cell(_ attack: NamedSettings?, _ share: Double) -> RobustnessCell {
        RobustnessCell(dataset: "synthetic-har", rule: Self.mean, attack: attack, share: share)
    }

    private func benchmark(
        _ cells: [RobustnessCell], _ folder: TemporaryFolder, rounds: Int = 2, seeds: [UInt64] = [8]
    ) -> RobustnessBenchmark {
        RobustnessBenchmark(
            cells: cells, setting: .init(rounds: rounds, clients: 6, alpha: nil, reckoned: 0.5), seeds: seeds,
            data: nil, output: folder.path, workers: 2)
    }

    @Test func runsAreKeptAndTheRestIsDone() throws {
        let folder = try TemporaryFolder()
        let flip = NamedSettings("sign-flip", ["scale": 3])
        let first = try benchmark([cell(nil, 0)], folder).run(stop: { false }, progress: { _ in })
        #expect(first.rows.count == 1)
        var begun: [String] = []
        let both = try benchmark([cell(nil, 0), cell(flip, 0.5)], folder).run(stop: { false }) {
            if case .run(let cell, _, _, _) = $0 { begun.append(cell.name) }
        }
        #expect(begun == ["synthetic-har-mean-sign-flip_scale3-0.5"])
        #expect(both.isComplete)
        #expect(both.rows[0] == first.rows[0])
        #expect(both.rows[1].macroF1 < both.rows[0].macroF1)
        let tables = try String(decoding: folder.read("tables.md"), as: UTF8.self)
        #expect(tables.contains("sign-flip:scale=3 50 %"))
        #expect(tables.contains("| none"))
        #expect(try String(decoding: folder.read("heat-map-synthetic-har.svg"), as: UTF8.self).hasPrefix("<svg"))
        #expect(throws: SimulationError.self) {
            try benchmark([cell(nil, 0)], folder, rounds: 3).run(stop: { false }, progress: { _ in })
        }
    }

    @Test func severalSeedsGiveASpread() throws {
        let folder = try TemporaryFolder()
        let (rows, _) = try benchmark([cell(nil, 0)], folder, rounds: 1, seeds: [8, 16]).run(
            stop: { false }, progress: { _ in })
        let row = try #require(rows.first)
        let runs = try JSONDecoder().decode([RobustnessRun].self, from: Data(folder.read("runs.json")))
        let scores = try runs.map { try #require($0.macroF1) }
        // Of two values the deviation with n - 1 is their distance over the root of two.
        let expected = abs(scores[0] - scores[1]) / 2.0.squareRoot()
        #expect(abs(try #require(row.deviation) - expected) < 1e-12)
        let text = String(format: "%.1f ± %.1f", 100 * row.macroF1, 100 * expected)
        #expect(try String(decoding: folder.read("tables.md"), as: UTF8.self).contains(text))
        // One seed has none.
        let single = try benchmark([cell(nil, 0)], folder, rounds: 1).run(stop: { false }, progress: { _ in }).rows
        #expect(single.first?.deviation == nil && single.first?.accuracyDeviation == nil)
    }

    @Test func aRunThatFailsIsAResult() throws {
        let folder = try TemporaryFolder()
        // No update of any client is taken.
        let cells = [cell(NamedSettings("nan"), 1)]
        let (rows, isComplete) = try benchmark(cells, folder, rounds: 4).run(stop: { false }, progress: { _ in })
        #expect(isComplete)
        #expect(rows.first?.failed == 1)
        #expect(rows.first?.macroF1 == 0)
        #expect(try String(decoding: folder.read("tables.md"), as: UTF8.self).contains("failed"))
    }

    @Test func anInterruptedBenchmarkGoesOn() throws {
        let folder = try TemporaryFolder()
        let cells = [cell(nil, 0), cell(NamedSettings("ipm"), 0.5)]
        let stopped = try benchmark(cells, folder).run(stop: { true }, progress: { _ in })
        #expect(!stopped.isComplete)
        let whole = try benchmark(cells, folder).run(stop: { false }, progress: { _ in })
        let other = try TemporaryFolder()
        let fresh = try benchmark(cells, other).run(stop: { false }, progress: { _ in })
        #expect(whole.rows == fresh.rows)
    }

    @Test func namesWithNumbers() throws {
        let named = try #require(NamedSettings(parsing: "krum:byzantine=3:mode=fast:x=0.5"))
        #expect(named.settings == ["byzantine": 3, "mode": "fast", "x": 0.5])
        #expect(named.text == "krum:byzantine=3:mode=fast:x=0.5")
        #expect(NamedSettings(parsing: "mean")?.text == "mean")
        let large = try #require(NamedSettings(parsing: "scaling:scale=1e12"))
        #expect(try JSONDecoder().decode(NamedSettings.self, from: JSONEncoder().encode(large)) == large)
        for text in ["", ":a=1", "krum:3", "krum:=3"] { #expect(NamedSettings(parsing: text) == nil) }
    }

    @Test func rulesReckonWithWhatTheSmallestRoundAllows() {
        let setting = RobustnessSetting(rounds: 1, clients: 30, alpha: nil, reckoned: 0.3)
        #expect(setting.minimumUpdates == 21)
        #expect(setting.aggregation(NamedSettings("krum"))["byzantine"] == 9)
        #expect(setting.aggregation(NamedSettings("bulyan"))["byzantine"] == 4)
        #expect(setting.aggregation(NamedSettings("trimmed-mean"))["trim"] == 0.3)
        #expect(setting.aggregation(NamedSettings("krum", ["byzantine": 2]))["byzantine"] == 2)
        #expect(setting.aggregation(Self.mean) == ["rule": "mean"])
    }
}
