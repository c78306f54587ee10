import Datasets
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing

@testable import Simulation

/// The benchmark's runner, on generated windows.
@Suite struct FedMultimodalBenchmarkTests {
    private func benchmark(_ folder: TemporaryFolder, rounds: Int = 2) -> FedMultimodalBenchmark {
        let clean = BenchmarkCell(dataset: "synthetic-har", fusion: "concat", alpha: 5.0, algorithm: "fedavg")
        var spoilt = clean
        spoilt.corruption = .init(kind: .missingLabels, rate: 0.3, mode: "faithful")
        return FedMultimodalBenchmark(
            cells: [spoilt], seeds: [8], rounds: rounds, data: nil, scale: 0.2, output: folder.path, workers: 2)
    }

    @Test func aBenchmarkAddsCleanCellsKeepsWhatIsCompleteAndGoesOn() throws {
        let folder = try TemporaryFolder()
        let benchmark = benchmark(folder)
        #expect(benchmark.cells.map(\.corruption?.kind) == [nil, .missingLabels])
        let events = Mutex(0)
        let first = try benchmark.run(
            stop: {
                events.withLock {
                    $0 += 1
                    return $0 > 40
                }
            }, progress: { _ in })
        #expect(!first.isComplete)
        #expect(first.rows.count == 1)

        var kept: [BenchmarkCell] = []
        let second = try benchmark.run(stop: { false }) { if case .kept(let cell, _) = $0 { kept.append(cell) } }
        #expect(second.isComplete)
        #expect(kept == [benchmark.cells[0]])
        #expect(second.rows.map(\.scores.count) == [1, 1])
        // Made by a generator: nothing is set beside the paper.
        #expect(second.rows.allSatisfy { $0.isGenerated && $0.published == nil && $0.relativeChange == nil })
        let whole = try TemporaryFolder()
        let third = try self.benchmark(whole).run(stop: { false }, progress: { _ in })
        #expect(third.rows.map(\.scores) == second.rows.map(\.scores))
        // A folder that has the scores alone runs nothing again.
        let carried = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: folder.file("runs.json"), toPath: carried.file("runs.json"))
        var count = 0
        let fourth = try self.benchmark(carried).run(stop: { true }) { if case .kept = $0 { count += 1 } }
        #expect(fourth.isComplete && count == 2)
        #expect(fourth.rows.map(\.scores) == second.rows.map(\.scores))
        #expect(throws: SimulationError.self) {
            try self.benchmark(folder, rounds: 3).run(stop: { false }, progress: { _ in })
        }
    }

    /// A folder of features under the name of the real data, and the benchmark over it.
    @Test func runsOnOtherDataAreNotMixed() throws {
        let folder = try TemporaryFolder()
        func write(_ name: String, seed: UInt64) throws {
            let generator = try SyntheticHAR(.init(seed: seed, subjects: 6, windowsPerActivity: 12))
            let people = generator.splitSubjects
            try SiteFolder.write(
                to: folder.file(name),
                splits: [
                    "train": try generator.dataset(subjects: people.train, name: "uci-har").all,
                    "test": try generator.dataset(subjects: people.test, name: "uci-har").all,
                ])
        }
        try write("first", seed: 1)
        try write("second", seed: 2)
        func run(_ data: String?, seeds: [UInt64]) throws -> [BenchmarkRow] {
            let cell = BenchmarkCell(dataset: "uci-har", fusion: "concat", alpha: 5.0, algorithm: "fedavg")
            return try FedMultimodalBenchmark(
                cells: [cell], seeds: seeds, rounds: 1, data: data.map(folder.file), output: folder.file("runs"),
                workers: 2
            ).run(stop: { false }, progress: { _ in }).rows
        }
        let rows = try run("first", seeds: [8])
        for seeds in [[8], [8, 16]] as [[UInt64]] {
            let error = try #require(throws: SimulationError.self) { try run("second", seeds: seeds) }
            #expect(error.code == .checkpoint && "\(error)".contains("was run on other data"))
        }
        #expect(try run("first", seeds: [8]).map(\.scores) == rows.map(\.scores))
        // Complete runs are shown where there are no data.
        #expect(try run(nil, seeds: [8]).map(\.scores) == rows.map(\.scores))
        #expect(try run("none", seeds: [8]).map(\.scores) == rows.map(\.scores))
        // Runs of an earlier version have no mark and are taken.
        let path = folder.file("runs/runs.json")
        var runs = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [[String: Any]])
        #expect(runs[0].removeValue(forKey: "fingerprint") != nil)
        try JSONSerialization.data(withJSONObject: runs).write(to: URL(fileURLWithPath: path))
        #expect(try run("second", seeds: [8]).map(\.scores) == rows.map(\.scores))
    }

    @Test func jobsTakeTheBenchmarksWays() throws {
        func job(_ dataset: String, alpha: Double? = nil) throws -> JobSpecification {
            try BenchmarkCell(dataset: dataset, fusion: "concat", alpha: alpha, algorithm: "fedavg").job(seed: 8)
        }
        // Evaluated where the number of the round, from 0, is a multiple of five, and after the last.
        #expect(try (0..<200).filter(job("ptb-xl").isEvaluated).suffix(3) == [190, 195, 199])
        #expect(try (0..<3).filter(job("ptb-xl").isEvaluated) == [0])
        #expect(try (0..<3).filter(job("meld").isEvaluated) == [0, 1, 2])
        #expect(try job("ku-har").partition["faithful"] == true)
        #expect(try job("crisismmd", alpha: 5).partition["faithful"] == true)
        #expect(try job("synthetic-ku-har").partition["faithful"] == nil)
        #expect(try job("uci-har", alpha: 5).partition["faithful"] == nil)
    }

    @Test func cellsOfTheTableHaveThePapersScores() {
        func published(_ fusion: String, _ alpha: Double?, _ algorithm: String, _ dataset: String) -> Double? {
            BenchmarkCell(dataset: dataset, fusion: fusion, alpha: alpha, algorithm: algorithm).published
        }
        #expect(published("attention", 5.0, "fedavg", "uci-har") == 77.75)
        #expect(published("concat", 0.1, "fedopt", "uci-har") == 78.97)
        #expect(published("attention", nil, "fedrs", "ptb-xl") == nil)
        #expect(published("attention", 1.0, "fedavg", "uci-har") == nil)
        #expect(published("attention", nil, "fedopt", "meld") == 55.37)
    }

    @Test func figuresShowWhatWasRun() throws {
        let clean = BenchmarkCell(dataset: "uci-har", fusion: "attention", alpha: 0.1, algorithm: "fedopt")
        let before = [try Self.run(clean, seed: 8, score: 80), try Self.run(clean, seed: 16, score: 10)]
        let rows = try [0.1, 0.3].flatMap { rate in
            try ["faithful", "right"].map { mode in
                var cell = clean
                cell.corruption = .init(kind: .erroneousLabels, rate: rate, mode: mode)
                // Compared over the one seed that both have.
                return try #require(BenchmarkRow([Self.run(cell, seed: 8, score: 60)], clean: before))
            }
        }
        #expect(rows.allSatisfy { abs(($0.relativeChange ?? 0) + 25) < 1e-9 })
        #expect(rows.map(\.publishedChange) == [-8.6, -8.6, -44.3, -44.3])
        let figures = CorruptionFigure.figures(rows)
        #expect(figures.map(\.name) == ["figure-6", "corruption", "figure-7"])
        let panel = try #require(figures[0].panels.first)
        #expect(panel.series.map(\.name) == ["faithful", "right", "published"])
        #expect(panel.series[2].points.map(\.change) == [-8.6, -44.3])
        #expect(figures[2].svg().contains("<rect"))
        #expect(figures[0].svg().hasPrefix("<svg") && figures[0].svg().hasSuffix("</svg>\n"))
    }

    private static func run(_ cell: BenchmarkCell, seed: UInt64, score: Double) throws -> BenchmarkRun {
        let json = """
            {"seed": \(seed), "isComplete": true, "rounds": 2, "last": {}, "bestRound": 1,
             "best": {"test": {"macroF1": \(score / 100)}}, "confusion": {}, "weights": "", "bytesDown": 0, "bytesUp": 0,
             "seconds": 1, "peakResidentBytes": 0}
            """
        let run = try JSONDecoder().decode(SimulationReport.Run.self, from: Data(json.utf8))
        let job = JobSpecification(name: "x", model: ["name": "har"], data: "uci-har", rounds: 2)
        let report = SimulationReport(job: job, isGenerated: false, clients: 1, examples: 1, runs: [run])
        return try #require(BenchmarkRun(report, of: cell))
    }
}
