import Datasets
import Federation
import Foundation
import Jobs
import TestSupport
import Testing
import Weights

@testable import Simulation

/// What stays with a client stays there, and is compared with the global model.
@Suite struct PersonalisationTests {
    private func make(
        _ folder: TemporaryFolder, _ strategy: Settings, workers: Int = 1, personalise: Bool = true,
        change: (inout JobSpecification) -> Void = { _ in }
    ) throws -> SimulationRun {
        let name = "run-\(workers)-\(personalise)"
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        return try SimulationRun(
            SimulationRunTests.job {
                $0.strategy = strategy
                $0.evaluation.perClient = 2
                $0.evaluation.personalise = personalise
                change(&$0)
            }, data: SimulationRunTests.data(),
            options: .init(output: folder.file(name), workers: workers, checkpointSeconds: 0))
    }

    private func lines(_ folder: TemporaryFolder, _ name: String) throws -> [MetricsLine] {
        try SimulationStudy.lines(of: folder.file("\(name)/metrics.jsonl"))
    }

    /// Every update that waits for its round is looked at, by name and by value.
    @Test("No update holds a personal tensor", arguments: ["fedper", "fedrep", "fedbn"], ["", "int8"])
    func uploads(strategy: String, encoding: String) throws {
        let folder = try TemporaryFolder()
        let run = try make(folder, ["name": .string(strategy), "personal": ["bias"]]) {
            if !encoding.isEmpty { $0.encoding = ["name": .string(encoding)] }
        }
        for client in run.data.clients {
            try run.handle(.clientReady(client: client.name, examples: ["train": client.rows.count], holding: []))
        }
        try run.handle(.clientReady(client: SimulationRun.evaluator, examples: ["test": 1], holding: []))
        try run.handle(.start)
        var files: [[UInt8]] = []
        while !run.engine.isEnded {
            // What the worker hands over is what a daemon would send.
            for case .update(let pending) in run.offered.map(\.result) {
                let trained = try pending.value()
                #expect(!trained.update.schema.tensors.contains { $0.name.hasPrefix("bias") })
                #expect(trained.state["personal"] != nil)
                files.append(Safetensors.encode(try trained.update.weights()))
            }
            #expect(try run.step())
        }
        try run.save()
        #expect(files.count >= 6, "two clients in each of three rounds")
        var kept: [[Data]] = []
        for client in run.data.clients {
            let state = folder.file("run-1-true/state/\(client.name)")
            for file in try FileManager.default.contentsOfDirectory(atPath: state) where file.hasPrefix("personal.") {
                let values = try SafetensorsFile(path: "\(state)/\(file)").read().floats("bias")
                #expect(values.contains { $0 != 0 })
                kept.append(values.filter { $0 != 0 }.map { value in withUnsafeBytes(of: value) { Data($0) } })
            }
        }
        #expect(!kept.isEmpty)
        for file in files {
            #expect(Data(file).range(of: Data("bias".utf8)) == nil)
            // Four bytes may be anywhere by chance, those of all classes of a client may not.
            for values in kept { #expect(!values.allSatisfy { Data(file).range(of: $0) != nil }) }
        }
    }

    @Test("Both models on the same examples", arguments: ["fedavg", "fedper", "ditto", "scaffold"])
    func pairs(name: String) throws {
        let folder = try TemporaryFolder()
        let strategy: Settings =
            name == "fedper" ? ["name": "fedper", "personal": ["bias"]] : ["name": .string(name)]
        let outcome = try make(folder, strategy).run()
        let clients = try lines(folder, "run-1-true").filter { $0.split == "clients" }
        #expect(clients.map(\.round) == [1, 2])
        for line in clients {
            let figures = try #require(line.personalisation)
            let served = name == "fedavg" || name == "scaffold" ? figures.global : figures.own
            #expect(line.distribution == served, "what clients are evaluated with is one of the two")
            let change = try #require(figures.change["accuracy"]).mean
            let means = (try #require(figures.own["accuracy"]).mean, try #require(figures.global["accuracy"]).mean)
            #expect(abs(change - (means.0 - means.1)) < 1e-12)
            #expect(figures.own != figures.global)
            // A softmax model that trains on what it is evaluated on does not lose.
            if name == "fedavg" { #expect(try #require(figures.change["loss"]).mean < 0) }
        }
        // It observes, for any number of workers.
        #expect(try make(folder, strategy, workers: 2).run().digest == outcome.digest)
        #expect(try folder.read("run-2-true/metrics.jsonl") == folder.read("run-1-true/metrics.jsonl"))
        #expect(try make(folder, strategy, personalise: false).run().digest == outcome.digest)
        let plain = try lines(folder, "run-1-false")
        #expect(plain.allSatisfy { $0.personalisation == nil })
        #expect(plain.compactMap(\.distribution) == clients.compactMap(\.distribution))
    }

    @Test func itNeedsTheEvaluationOfClients() {
        #expect(throws: JobsError.self) {
            try SimulationRunTests.job { $0.evaluation.personalise = true }.validated()
        }
    }
}
