import Datasets
import Foundation
import Jobs
import Layers
import TestSupport
import Testing
import Training
import Weights

@Suite struct TrainerSessionTests {
    private func monitor(isCancelled: @escaping () -> Bool = { false }) -> TrainerMonitor {
        TrainerMonitor(isCancelled: isCancelled, report: { _ in })
    }

    @Test func theUpdateIsLocalMinusGlobal() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let model: Settings = ["name": "softmax", "features": 3, "classes": 2]
        let session = try ModelTrainer(Fixtures.hello(model, data: site))
        #expect(session.greeting.datasets == ["train": 40, "test": 20])
        #expect(session.greeting.libraries["LibTorch"] != nil)
        try session.initialise(.init(output: folder.file("out/initial.safetensors")))
        let global = try SafetensorsFile(path: folder.file("out/initial.safetensors")).read()
        #expect(global.schema.digest == session.greeting.schema)
        let request = TrainerRequest.Train(
            round: 3, attempt: 0, weights: folder.file("out/initial.safetensors"),
            update: folder.file("out/3.safetensors"),
            state: folder.file("state"), config: ["epochs": 2, "batchSize": 9])
        let statistics = try session.train(request, monitor())
        #expect(statistics.examples == 40)
        let update = try SafetensorsFile(path: request.update).read()
        #expect(update.schema == (try global.schema.updateSchema()))
        // The same work by hand.
        let data = try SiteFolder(path: site).read(split: "train")
        let entry = try Fixtures.softmax(data)
        #expect(try entry.model.weights() == global)
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 2
        configuration.batchSize = 9
        let expected = try LocalTraining.run(
            entry, on: data.all, configuration, .init(seed: 8, round: 3, client: 7))
        #expect(statistics == expected)
        #expect(update == (try entry.model.weights().update(from: global)))
        // And again: nothing is left of the first time.
        let first = try folder.read("out/3.safetensors")
        _ = try session.train(request, monitor())
        #expect(try folder.read("out/3.safetensors") == first)
        // Initial values stay those of the seed after training.
        try session.initialise(.init(output: folder.file("again.safetensors")))
        #expect(try SafetensorsFile(path: folder.file("again.safetensors")).read() == global)
        let evaluated = try session.evaluate(
            .init(round: 3, weights: request.weights, split: "test", config: ["batchSize": 6]), monitor())
        #expect(evaluated.examples == 20)
        #expect(evaluated.confusion?.flatMap { $0 }.reduce(0, +) == 20)
    }

    /// The file that a daemon uploads, name by name and value by value, in the first round and in one that begins with
    /// what the client has kept.
    @Test(arguments: ["fedper", "fedrep", "fedbn"]) func personalTensorsAreInNoUpdate(strategy: String) throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        var hello = Fixtures.hello(["name": "softmax", "features": 3, "classes": 2], data: site)
        hello.strategy = ["name": .string(strategy), "personal": ["bias"]]
        let session = try ModelTrainer(hello)
        try session.initialise(.init(output: folder.file("w.safetensors")))
        for round in 0..<2 {
            let request = TrainerRequest.Train(
                round: round, attempt: 0, weights: folder.file("w.safetensors"),
                update: folder.file("\(round).safetensors"), state: folder.file("state"), config: ["epochs": 3])
            _ = try session.train(request, monitor())
            let upload = Data(try folder.read("\(round).safetensors"))
            let names = try SafetensorsFile(path: request.update).schema.tensors.map(\.name)
            #expect(names == ["weight"])
            #expect(upload.range(of: Data("bias".utf8)) == nil)
            let kept = try FileManager.default.contentsOfDirectory(atPath: folder.file("state"))
                .filter { $0.hasPrefix("personal.") }.sorted()
            let own = try SafetensorsFile(path: folder.file("state/" + (try #require(kept.last)))).read()
            let values = try own.floats("bias")
            #expect(values.allSatisfy { $0 != 0 })
            for value in values { #expect(upload.range(of: withUnsafeBytes(of: value) { Data($0) }) == nil) }
        }
    }

    @Test func requestsThatCannotBeDoneSayWhy() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let model: Settings = ["name": "softmax", "features": 3, "classes": 2]
        let session = try ModelTrainer(Fixtures.hello(model, data: site))
        try session.initialise(.init(output: folder.file("w.safetensors")))
        var request = TrainerRequest.Train(
            round: 0, attempt: 0, weights: folder.file("w.safetensors"), update: folder.file("u.safetensors"),
            state: folder.file("s"), config: ["rounds": 1])
        #expect(throws: TrainingError.self) { try session.train(request, monitor()) }
        request.config = [:]
        request.weights = folder.file("missing.safetensors")
        #expect(try #require(throws: TrainingError.self) { try session.train(request, monitor()) }.code == .weights)
        let other = try Weights([(name: "weight", shape: [2, 4], values: Array(repeating: 0, count: 8))])
        try Safetensors.write(other, to: folder.file("other.safetensors"))
        request.weights = folder.file("other.safetensors")
        #expect(try #require(throws: TrainingError.self) { try session.train(request, monitor()) }.code == .weights)
        request.weights = folder.file("w.safetensors")
        let cancelled = try #require(throws: TrainingError.self) { try session.train(request, monitor { true }) }
        #expect(cancelled.code == .cancelled)
        #expect(!FileManager.default.fileExists(atPath: request.update))
        request.update = "/proc/nothing/u.safetensors"
        #expect(try #require(throws: TrainingError.self) { try session.train(request, monitor()) }.code == .output)
        #expect(throws: DatasetError.self) {
            try session.evaluate(.init(round: 0, weights: request.weights, split: "dev", config: [:]), monitor())
        }
        #expect(throws: TrainingError.self) {
            try ModelTrainer(Fixtures.hello(model, data: site, dataset: "another"))
        }
        let blind = try ModelTrainer(Fixtures.hello(model))
        #expect(try #require(throws: TrainingError.self) { try blind.train(request, monitor()) }.code == .data)
    }

    @Test(arguments: [(nil as Int?, 1024), (4, 1), (400, 100)])
    func echoAnswersWithOneNumber(size: Int?, elements: Int) throws {
        let folder = try TemporaryFolder()
        var model: Settings = ["name": "echo"]
        if let size { model["size"] = .int(size) }
        let session = try TrainerSessions.make(Fixtures.hello(model))
        #expect(session is EchoTrainer)
        try session.initialise(.init(output: folder.file("w.safetensors")))
        let weights = try SafetensorsFile(path: folder.file("w.safetensors")).read()
        #expect(weights.schema.digest == session.greeting.schema)
        #expect(weights.schema["values"]?.shape == [elements])
        #expect(weights.norm > 0)
        let statistics = try session.train(
            .init(
                round: 0, attempt: 0, weights: folder.file("w.safetensors"), update: folder.file("u.safetensors"),
                state: "state", config: ["anything": 1]), monitor())
        #expect(statistics.examples == 1)
        let update = try SafetensorsFile(path: folder.file("u.safetensors")).read()
        #expect(try update.floats("values") == Array(repeating: EchoTrainer.step, count: elements))
        let evaluated = try session.evaluate(
            .init(round: 0, weights: folder.file("w.safetensors"), split: "test", config: [:]), monitor())
        #expect(evaluated.examples == 1)
    }

    @Test func echoCountsTheSitesExamples() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let session = try EchoTrainer(Fixtures.hello(["name": "echo"], data: site))
        #expect(session.greeting.datasets == ["train": 40, "test": 20])
        for size in [0, 3, 6, -4] {
            #expect(throws: TrainingError.self) {
                try EchoTrainer(Fixtures.hello(["name": "echo", "size": .int(size)]))
            }
        }
    }

    @Test func progressIsThrottled() throws {
        var instant = ContinuousClock.now
        var reports: [Double] = []
        var isCancelled = false
        let monitor = TrainerMonitor(
            isCancelled: { isCancelled }, report: { reports.append($0.fraction) }, now: { instant })
        for step in 0..<10 {
            try monitor.update(fraction: Double(step) / 10)
            instant += .milliseconds(100)
        }
        #expect(reports == [0, 0.3, 0.6, 0.9])
        isCancelled = true
        #expect(throws: TrainingError.self) { try monitor.update(fraction: 1) }
    }
}
