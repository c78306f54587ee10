import Datasets
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// The global and personal models on every client's own examples, against scores computed here from the weights.
@Suite struct ClientEvaluationTests {
    private func run(
        _ folder: TemporaryFolder, _ name: String, strategy: Settings = ["name": "fedavg"], perClient: Int = 2,
        holdOut: Double = 0, workers: Int = 1, resumes: Bool = false, stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> (outcome: SimulationRun.Outcome, lines: [MetricsLine]) {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        let job = SimulationRunTests.job(rounds: 5) {
            $0.strategy = strategy
            $0.evaluation.perClient = perClient
            $0.evaluation.perClientHoldOut = holdOut
        }
        let run = try SimulationRun(
            job, data: SimulationRunTests.data(),
            options: .init(output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0),
            stop: stop)
        return (try run.run(), try SimulationStudy.lines(of: folder.file("\(name)/metrics.jsonl")))
    }

    /// `tributary partition --job` shows the rows that a simulation trains on.
    @Test func whatIsDescribedIsWhatIsHeldOut() throws {
        var job = SimulationRunTests.job {
            $0.data = "synthetic-har"
            $0.partition = ["scheme": "dirichlet", "clients": 6, "alpha": 0.5, "seed": 3]
        }
        job.evaluation.perClient = 1
        job.evaluation.perClientHoldOut = 0.3
        let described = try SitePartition.prepare(.init(job, scale: 0.1)).holdingOut(0.3).partition.clients
        let trained = try SimulationSource(job, path: nil, scale: 0.1).data(for: job).holdingOut(0.3).clients
        #expect(described.map(\.rows) == trained.map(\.rows))
        #expect(trained.contains { !$0.heldOut.isEmpty })
    }

    /// The share of rows that a linear model answers right.
    private func accuracy(_ weight: [Float], _ bias: [Float], _ data: MultimodalDataset, _ rows: [Int]) -> Double {
        let right = rows.count { row in
            let x = zip(data.values, data.modalities).flatMap { values, modality in
                values[row * modality.elements..<(row + 1) * modality.elements]
            }
            let scores = bias.indices.map { index in
                zip(x, weight[index * x.count..<(index + 1) * x.count]).reduce(Double(bias[index])) {
                    $0 + Double($1.0) * Double($1.1)
                }
            }
            return scores.firstIndex(of: scores.max() ?? 0) == data.labels[row]
        }
        return Double(right) / Double(rows.count)
    }

    @Test("Each client is evaluated with what it has kept", arguments: ["fedavg", "ditto", "fedper"])
    func values(strategy: String) throws {
        let folder = try TemporaryFolder()
        let settings: Settings =
            strategy == "fedper" ? ["name": "fedper", "personal": ["bias"]] : ["name": .string(strategy)]
        let (outcome, lines) = try run(folder, "run", strategy: settings)
        let own = lines.filter { $0.split == "clients" }
        #expect(own.map(\.round) == [1, 3, 4], "every second round, and the last")
        #expect(own.allSatisfy { $0.clients == 3 && $0.metrics.isEmpty })
        let data = try SimulationRunTests.data()
        #expect(own.last?.examples == data.clients.reduce(0) { $0 + $1.rows.count })

        func global(_ name: String) throws -> [Float] { try #require(outcome.weights[name]).floats() }
        var expected: [Double] = []
        var ofGlobal: [Double] = []
        for client in data.clients {
            var (weight, bias) = (try global("weight"), try global("bias"))
            ofGlobal.append(accuracy(weight, bias, data.train, client.rows))
            let state = folder.file("run/state/\(client.name)")
            let files = (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? []
            let newest = files.filter { $0.hasPrefix("personal.") }.max()
            #expect((newest != nil) == (strategy != "fedavg"), "every client was asked in some round")
            if let newest {
                let kept = try SafetensorsFile(path: "\(state)/\(newest)").read()
                weight = try kept["weight"]?.floats() ?? weight
                bias = try kept["bias"]?.floats() ?? bias
            }
            expected.append(accuracy(weight, bias, data.train, client.rows))
        }
        let found = try #require(own.last?.distribution?["accuracy"])
        let wanted = try #require(MetricDistribution(expected))
        #expect(found.clients == 3)
        for (name, value) in wanted.figures { #expect(abs(value - (found.figures[name] ?? .nan)) < 1e-12, "\(name)") }
        if strategy == "fedavg" { #expect(expected == ofGlobal) }
        if strategy == "ditto" { #expect(expected != ofGlobal) }
        #expect(own.last?.distribution?["loss"] != nil && own.last?.distribution?["ECE"] != nil)
    }

    @Test func workersAndInterruptionsDoNotMatter() throws {
        let folder = try TemporaryFolder()
        let ditto: Settings = ["name": "ditto"]
        let whole = try run(folder, "whole", strategy: ditto, perClient: 1)
        let seen = Mutex(0)
        let first = try run(folder, "parts", strategy: ditto, perClient: 1, workers: 2) {
            seen.withLock {
                $0 += 1
                return $0 > 7
            }
        }
        #expect(!first.outcome.isComplete)
        let second = try run(folder, "parts", strategy: ditto, perClient: 1, workers: 2, resumes: true)
        #expect(second.outcome.digest == whole.outcome.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        // It observes: the weights are those of a run without.
        let plain = try run(folder, "plain", strategy: ditto, perClient: 0)
        #expect(plain.outcome.digest == whole.outcome.digest)
        #expect(plain.lines == whole.lines.filter { $0.distribution == nil })
    }

    @Test(arguments: [0.01, 0.25, 0.99]) func whatIsHeldOutIsNotTrainedOn(share: Double) throws {
        let data = try SimulationRunTests.data()
        let split = try data.holdingOut(share)
        for (before, after) in zip(data.clients, split.clients) {
            #expect(!after.rows.isEmpty && !after.heldOut.isEmpty)
            #expect((after.rows + after.heldOut).sorted() == before.rows.sorted())
            let count = Int(Double(before.rows.count) * share)
            #expect(after.heldOut.count == min(max(1, count), before.rows.count - 1))
        }
        let folder = try TemporaryFolder()
        let (_, lines) = try run(folder, "run", holdOut: share)
        #expect(
            lines.last { $0.split == "clients" }?.examples == split.clients.reduce(0) { $0 + $1.heldOut.count })
        let trained = try #require(lines.first { $0.split == "train" })
        let largest = split.clients.map(\.rows.count).sorted().suffix(2).reduce(0, +)
        #expect(trained.examples <= largest)
    }

    @Test func clientsThatShareRowsHoldNothingOut() throws {
        var data = try SimulationRunTests.data()
        data.clients[1].rows.append(data.clients[0].rows[0])
        let shared = data
        let error = try #require(throws: SimulationError.self) { try shared.holdingOut(0.2) }
        #expect(error.code == .job && error.message.contains("share rows"))
        #expect(throws: JobsError.self) {
            try SimulationRunTests.job { $0.evaluation.perClientHoldOut = 0.2 }.validated()
        }
    }

    @Test func aStudyReportsThem() throws {
        let folder = try TemporaryFolder()
        let job = SimulationRunTests.job { $0.evaluation.perClient = 1 }
        let study = SimulationStudy(
            job: job, seeds: [8, 9], output: folder.file("study"), workers: 2, resumes: false, isGenerated: true)
        let data = try SimulationRunTests.data()
        let done = try study.run(data: { _ in data }, stop: { false }, progress: { _, _ in })
        let report = try #require(done)
        let spread = try #require(report.perClient["accuracy"]?["worstTenth"])
        #expect(spread.runs == 2)
        #expect(spread.low <= (report.perClient["accuracy"]?["mean"]?.high ?? 0))
        let page = String(decoding: try folder.read("study/report.html"), as: UTF8.self)
        #expect(page.contains("Over the clients") && page.contains("<rect") && page.contains("MiB from clients"))
        let read = try JSONDecoder().decode(
            SimulationReport.self, from: Data(try folder.read("study/report.json")))
        #expect(read.perClient == report.perClient)
        #expect(read.last["test"]?["ECE"] != nil && read.last["clients"] == nil)
    }
}
