import Datasets
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing

@testable import Simulation

/// Where updates and client states wait is no matter of the result.
@Suite struct FleetMemoryTests {
    /// 200 clients that share 24 rows.
    static func data() throws -> SimulationData {
        let generator = try SyntheticHAR(.init(seed: 8, subjects: 6, windowsPerActivity: 1))
        let people = generator.splitSubjects
        let train = try generator.dataset(subjects: people.train)
        var parameters = PartitionScheme.Parameters(scheme: .sampled, clients: 200)
        parameters.rowsPerClient = 3
        parameters.minimum = 1
        let partition = try PartitionScheme.partition(PartitionInput(train), parameters)
        return try SimulationData(
            train: train, clients: partition.clients.map { VirtualClient(name: $0.id, rows: $0.rows) },
            heldOut: ["test": generator.dataset(subjects: people.test).all])
    }

    private func run(
        _ folder: TemporaryFolder, _ name: String, strategy: String, memory: Int, checkpointSeconds: Double,
        workers: Int = 2, stop: @escaping @Sendable () -> Bool = { false }
    ) throws -> (run: SimulationRun, outcome: SimulationRun.Outcome) {
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        var job = SimulationRunTests.job(rounds: 6)
        job.clients = .init(minimum: 200, perRound: 60)
        job.strategy = ["name": .string(strategy)]
        job.evaluation.every = 3
        let run = try SimulationRun(
            job, data: Self.data(),
            options: .init(
                output: folder.file(name), workers: workers, resumes: true, checkpointSeconds: checkpointSeconds,
                memoryBytes: memory),
            stop: stop)
        return (run, try run.run())
    }

    @Test(
        "A run whose clients wait on disk gives the bits of one that keeps all in memory",
        arguments: ["fedavg", "scaffold", "fednova", "ditto"])
    func spilling(strategy: String) throws {
        let folder = try TemporaryFolder()
        let whole = try run(folder, "memory", strategy: strategy, memory: .max, checkpointSeconds: .infinity)
        #expect(whole.run.store.spilledCount == 0)
        let spilled = try run(folder, "disk", strategy: strategy, memory: 0, checkpointSeconds: 0, workers: 1)
        let keepsState = ["scaffold", "ditto"].contains(strategy)
        #expect(spilled.run.store.spilledCount == (keepsState ? 720 : 360))
        #expect(spilled.run.store.residentBytes == 0)
        #expect(spilled.outcome.digest == whole.outcome.digest)
        #expect(try folder.read("disk/metrics.jsonl") == folder.read("memory/metrics.jsonl"))
        // In between: some fit, and the run is interrupted where states wait in memory, in the file and in folders.
        let some = 400_000
        for events in [40, 150, 215] {
            let seen = Mutex(0)
            let part = try run(
                folder, "some", strategy: strategy, memory: some, checkpointSeconds: .infinity,
                stop: {
                    seen.withLock {
                        $0 += 1; return $0 > events
                    }
                })
            #expect(!part.outcome.isComplete)
            #expect(part.run.store.residentBytes <= some)
        }
        let rest = try run(folder, "some", strategy: strategy, memory: some, checkpointSeconds: 0)
        #expect(rest.outcome.digest == whole.outcome.digest)
        #expect(try folder.read("some/metrics.jsonl") == folder.read("memory/metrics.jsonl"))
        // Nothing waits once a run is over, and its states are all in their folders.
        #expect(!FileManager.default.fileExists(atPath: folder.file("disk/waiting")))
        for name in ["memory", "disk", "some"] {
            let state = folder.file("\(name)/state")
            let clients = (try? FileManager.default.contentsOfDirectory(atPath: state)) ?? []
            #expect(clients.isEmpty != keepsState)
            for client in clients {
                let files = try FileManager.default.contentsOfDirectory(atPath: "\(state)/\(client)")
                #expect((1...2).contains(files.count))
            }
        }
    }

    @Test func metricsAreReadLineByLine() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(Array("one\n\ntwo, longer than a block\nthree".utf8), to: "lines")
        for block in [1, 4, 7, 1000] {
            var lines: [String] = []
            try MetricsLog.forEachLine(of: path, block: block) { lines.append(String(decoding: $0, as: UTF8.self)) }
            #expect(lines == ["one", "two, longer than a block", "three"])
        }
        #expect(throws: SimulationError.self) { try MetricsLog.forEachLine(of: path + "no") { _ in } }
    }

    @Test func onlyTheLastConfusionOfASplitIsKept() throws {
        let folder = try TemporaryFolder()
        let log = try MetricsLog(path: folder.file("metrics.jsonl"), keeping: 0)
        for round in 0..<3 {
            for split in ["dev", "test"] {
                try log.append(
                    MetricsLine(
                        round: round, split: split, examples: 1, metrics: ["accuracy": 1],
                        confusion: [[round, 0], [0, 1]]))
            }
        }
        let lines = try SimulationStudy.lines(of: folder.file("metrics.jsonl"))
        #expect(lines.map(\.round) == [0, 0, 1, 1, 2, 2])
        #expect(lines.map { $0.confusion?[0][0] } == [nil, nil, nil, nil, 2, 2])
        try log.append(["round": 1])
        let error = try #require(throws: SimulationError.self) {
            try SimulationStudy.lines(of: folder.file("metrics.jsonl"))
        }
        #expect(error.message.contains("line 7"))
    }
}
