import Datasets
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights

@testable import Simulation

/// A small job over generated data: what it gives does not depend on workers, interruptions or the clock.
@Suite struct SimulationRunTests {
    static func data() throws -> SimulationData {
        let generator = try SyntheticHAR(.init(seed: 8, subjects: 6, windowsPerActivity: 2))
        let people = generator.splitSubjects
        let train = try generator.dataset(subjects: people.train)
        let test = try generator.dataset(subjects: people.test)
        let clients = try SubjectPartition.sites(train, count: 3).enumerated().map {
            VirtualClient(name: "site-\($0.offset + 1)", rows: $0.element.indices)
        }
        return try SimulationData(train: train, clients: clients, heldOut: ["test": test.all])
    }

    static func job(rounds: Int = 3, change: (inout JobSpecification) -> Void = { _ in }) -> JobSpecification {
        var job = JobSpecification(
            name: "simulated", model: ["name": "softmax", "features": 768, "classes": 6], data: "synthetic-har",
            rounds: rounds, seed: 8, clients: .init(minimum: 2, perRound: 2),
            training: ["epochs": 1, "batchSize": 8, "learningRate": 0.02])
        change(&job)
        return job
    }

    private func run(
        _ folder: TemporaryFolder, _ name: String, workers: Int = 1, resumes: Bool = false, rounds: Int = 3,
        strategy: Settings = ["name": "fedavg"], encoding: Settings = [:],
        stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> SimulationRun.Outcome {
        try FileManager.default.createDirectory(
            atPath: folder.file(name), withIntermediateDirectories: true)
        let run = try SimulationRun(
            Self.job(rounds: rounds) {
                $0.strategy = strategy
                $0.encoding = encoding
            }, data: Self.data(),
            options: .init(output: folder.file(name), workers: workers, resumes: resumes, checkpointSeconds: 0),
            stop: stop)
        return try run.run()
    }

    @Test func oneAndTwoWorkersGiveTheSameBits() throws {
        let folder = try TemporaryFolder()
        let one = try run(folder, "one")
        let two = try run(folder, "two", workers: 2)
        #expect(one.isComplete)
        #expect(one.digest == two.digest)
        #expect(try folder.read("one/metrics.jsonl") == folder.read("two/metrics.jsonl"))
        let lines = try String(decoding: folder.read("one/metrics.jsonl"), as: UTF8.self).split(separator: "\n")
        #expect(lines.count == 6)
        let best = try #require(one.best)
        #expect((0..<3).contains(best.round))
    }

    @Test(arguments: 1..<12) func anInterruptedRunGoesOnBitForBit(events: Int) throws {
        let folder = try TemporaryFolder()
        let whole = try run(folder, "whole")
        let seen = Mutex(0)
        let first = try run(folder, "parts") {
            seen.withLock {
                $0 += 1
                return $0 > events
            }
        }
        #expect(!first.isComplete || events > 8)
        let second = try run(folder, "parts", workers: 2, resumes: true)
        #expect(second.isComplete)
        #expect(second.digest == whole.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
    }

    @Test func otherSplitsAtBestRoundsGiveTheSameReport() throws {
        let folder = try TemporaryFolder()
        func report(_ name: String, _ others: JobSpecification.Evaluation.Others) throws -> (
            SimulationReport, lines: Int
        ) {
            var data = try Self.data()
            data.heldOut["dev"] = DatasetView(data.train, indices: Array(0..<20))
            let job = Self.job(rounds: 6) {
                $0.evaluation = .init(split: "dev", others: others)
                $0.training["learningRate"] = 0.2
            }
            let study = SimulationStudy(
                job: job, seeds: [8], output: folder.file(name), workers: 2, resumes: false, isGenerated: true)
            let shared = data
            let report = try study.run(data: { _ in shared }, stop: { false }, progress: { _, _ in })
            let lines = try SimulationStudy.lines(of: folder.file(name) + "/metrics.jsonl")
            return (try #require(report), lines.count { $0.split == "test" })
        }
        let (always, all) = try report("always", .always)
        let (best, some) = try report("best", .best)
        #expect(all == 6)
        #expect(some < 6 && some >= 1)
        #expect(always.best == best.best)
        #expect(always.last == best.last)
        #expect(always.runs[0].weights == best.runs[0].weights)
        #expect(always.runs[0].bestRound == best.runs[0].bestRound)
    }

    /// Names, labels and rows alone do not tell data apart.
    @Test func aRunDoesNotGoOnWithOtherValues() throws {
        let folder = try TemporaryFolder()
        func run(_ data: SimulationData, stopsAfter events: Int) throws -> SimulationRun.Outcome {
            let seen = Mutex(0)
            return try SimulationRun(
                Self.job(), data: data,
                options: .init(output: folder.file("run"), workers: 1, resumes: true, checkpointSeconds: 0),
                stop: {
                    seen.withLock {
                        $0 += 1
                        return $0 > events
                    }
                }
            ).run()
        }
        try FileManager.default.createDirectory(atPath: folder.file("run"), withIntermediateDirectories: true)
        #expect(try !run(Self.data(), stopsAfter: 5).isComplete)
        var other = try Self.data()
        var values = other.train.values
        for index in values[0].indices { values[0][index] += 1 }
        other.train = try MultimodalDataset(
            name: other.train.name, classes: other.train.classes, modalities: other.train.modalities, values: values,
            labels: other.train.labels, subjects: other.train.subjects)
        let error = try #require(throws: SimulationError.self) { try run(other, stopsAfter: 1000) }
        #expect(error.code == .checkpoint && "\(error)".contains("a run on other data"))
        // A checkpoint of an earlier version has no mark of the values.
        let path = folder.file("run/checkpoint/checkpoint.json")
        var checkpoint = try #require(
            JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
        #expect(checkpoint.removeValue(forKey: "data") != nil)
        try JSONSerialization.data(withJSONObject: checkpoint).write(to: URL(fileURLWithPath: path))
        #expect(try run(Self.data(), stopsAfter: 1000).isComplete)
    }

    @Test func aRunIsNotBegunOverAnother() throws {
        let folder = try TemporaryFolder()
        _ = try run(folder, "run")
        #expect(throws: SimulationError.self) { try run(folder, "run") }
        #expect(throws: SimulationError.self) { try run(folder, "run", resumes: true, rounds: 4) }
    }

    @Test(
        "Every strategy gives the same bits for one and two workers, and after an interruption",
        arguments: [
            "fedprox", "fedopt", "scaffold", "fedrs", "fednova", "feddyn", "moon", "fedbn", "fedper", "fedrep", "ditto",
        ])
    func strategies(name: String) throws {
        let folder = try TemporaryFolder()
        var strategy: Settings = ["name": .string(name)]
        if ["fedbn", "fedper", "fedrep"].contains(name) { strategy["personal"] = ["bias"] }
        let whole = try run(folder, "whole", rounds: 4, strategy: strategy)
        let seen = Mutex(0)
        let first = try run(folder, "parts", workers: 2, rounds: 4, strategy: strategy) {
            seen.withLock {
                $0 += 1
                return $0 > 7
            }
        }
        #expect(!first.isComplete)
        let second = try run(folder, "parts", resumes: true, rounds: 4, strategy: strategy)
        #expect(second.digest == whole.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        let plain = try run(folder, "plain", rounds: 4)
        // Ditto's global model is FedAvg's; here every client has every class, and a linear model's embedding is fixed.
        let isPlain = ["ditto", "fedrs", "moon"].contains(name)
        #expect(isPlain == (plain.digest == whole.digest))
    }

    @Test(
        "Every encoding gives the same bits for one and two workers, and after an interruption, and its bytes are counted",
        arguments: [
            ["name": "bf16"], ["name": "f16", "errorFeedback": true], ["name": "int8", "block": 64],
            ["name": "top-k", "fraction": 0.1], ["name": "int8", "errorFeedback": false],
        ] as [Settings])
    func encodings(encoding: Settings) throws {
        let folder = try TemporaryFolder()
        let whole = try run(folder, "whole", rounds: 4, encoding: encoding)
        let seen = Mutex(0)
        let first = try run(folder, "parts", workers: 2, rounds: 4, encoding: encoding) {
            seen.withLock {
                $0 += 1
                return $0 > 7
            }
        }
        #expect(!first.isComplete)
        let second = try run(folder, "parts", resumes: true, rounds: 4, encoding: encoding)
        #expect(second.digest == whole.digest)
        #expect(try folder.read("parts/metrics.jsonl") == folder.read("whole/metrics.jsonl"))
        let plain = try run(folder, "plain", rounds: 4)
        #expect(plain.digest != whole.digest)
        let schema = try Self.job { $0.encoding = encoding }.encodedSchema(for: whole.weights.schema)
        for line in try SimulationStudy.lines(of: folder.file("whole/metrics.jsonl")) where line.split == "train" {
            #expect(line.bytesUp == 2 * schema.fileBytes)
            #expect(line.bytesDown == 2 * Safetensors.canonicalSize(whole.weights.schema))
        }
        #expect(schema.fileBytes < Safetensors.canonicalSize(whole.weights.schema) * 6 / 10)
    }
}
