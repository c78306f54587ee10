import Foundation
import Jobs
import Logging
import TestSupport
import Testing
import Weights
import Wire

@testable import Client

/// Python with NumPy, and the examples.
enum NumPy {
    static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("Deploy/examples").path

    static let isAvailable: Bool = (try? run(["-c", "import numpy"])) == 0

    @discardableResult
    static func run(_ arguments: [String]) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: ScriptedTrainer.python)
        process.arguments = arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }
}

/// The example trainer speaks the trainer contract, learns, and repeats its bits.
@Suite(.enabled(if: NumPy.isAvailable, "python3-numpy is not installed"), .timeLimit(.minutes(10)))
struct NumPyTrainerTests {
    /// A site folder from `make_site.py` and a trainer in a working folder.
    struct Bench {
        let folder: TemporaryFolder
        let trainer: TrainerProcess

        static func with(
            data: Bool = true, model: Settings = ["name": "softmax"],
            _ body: (Bench, TrainerReply.Hello) async throws -> Void
        ) async throws {
            let folder = try TemporaryFolder()
            for name in ["in", "out", "state"] {
                try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
            }
            #expect(try NumPy.run(["\(NumPy.examples)/make_site.py", folder.file("site")]) == 0)
            let configuration = TrainerConfiguration(
                command: [ScriptedTrainer.python, "\(NumPy.examples)/numpy_trainer.py"], stall: .seconds(60))
            let trainer = try TrainerProcess.start(
                configuration, folder: folder.path, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            do {
                let hello = try await trainer.greet(
                    TrainerRequest.Hello(
                        job: "j", client: "site-1", clientIndex: clientIndex("site-1"), seed: 8, model: model,
                        data: data ? .init(name: "two-blobs", path: folder.file("site")) : nil))
                try await body(Bench(folder: folder, trainer: trainer), hello)
                await trainer.end()
            } catch {
                await trainer.end(patience: .zero)
                throw error
            }
        }

        func train(round: Int = 0) async throws -> TaskStatistics {
            try await trainer.train(
                TrainerRequest.Train(
                    round: round, attempt: 0, weights: "in/0.safetensors", update: "out/0.safetensors", state: "state/",
                    config: ["epochs": 3, "batchSize": 7, "learningRate": 0.1, "momentum": 0.9, "clipNorm": 10]))
        }

        func evaluate() async throws -> TaskStatistics {
            try await trainer.evaluate(
                TrainerRequest.Evaluate(round: 0, weights: "in/0.safetensors", split: "test", config: [:]))
        }
    }

    @Test("The made site folder is a valid one, and the trainer counts its examples")
    func site() async throws {
        try await Bench.with { bench, hello in
            let catalogue = try SiteCatalogue(folders: [bench.folder.file("site")])
            #expect(catalogue.entries.map(\.card.examples) == [["train": 80, "test": 40]])
            #expect(catalogue.entries[0].missingFiles.isEmpty)
            #expect(hello.datasets == ["train": 80, "test": 40])
            #expect(hello.libraries["NumPy"] != nil)
        }
    }

    @Test("Initial weights, an update that passes, an evaluation that improves, and the same bits again")
    func learning() async throws {
        try await Bench.with { bench, hello in
            try await bench.trainer.initialise(output: "in/0.safetensors")
            let start = try SafetensorsFile(path: bench.folder.file("in/0.safetensors")).read()
            #expect(start.schema.digest == hello.schema)
            #expect(start.schema["weight"]?.shape == [2, 4])
            #expect(start.schema["bias"]?.shape == [2])
            let before = try await bench.evaluate().validated(maximumExamples: 40)
            let trained = try await bench.train().validated(maximumExamples: 80)
            #expect(trained.examples == 80)
            let first = try bench.folder.read("out/0.safetensors")
            let update = try UpdateFile.finish(
                bench.folder.file("out/0.safetensors"), schema: EncodedSchema(start.schema), global: start.schema,
                residuals: ResidualFiles(folder: bench.folder.file("encoding"), round: 0),
                to: bench.folder.file("canonical"))
            #expect(try bench.folder.read("canonical") == first)
            #expect(update.bytes == Int64(first.count))
            _ = try await bench.train()
            #expect(try bench.folder.read("out/0.safetensors") == first)
            _ = try await bench.train(round: 1)
            #expect(try bench.folder.read("out/0.safetensors") != first)
            var weights = start
            try weights.axpy(1, try Safetensors.decode(first))
            try Safetensors.write(weights, to: bench.folder.file("in/0.safetensors"))
            let after = try await bench.evaluate().validated(maximumExamples: 40)
            #expect(after.examples == 40)
            #expect(after.confusion?.joined().reduce(0, +) == 40)
            #expect(try #require(after.sums["loss"]) < (try #require(before.sums["loss"])))
            #expect(try #require(after.sums["correct"]) >= 36)
        }
    }

    @Test("Without data the model's size comes from the job")
    func withoutData() async throws {
        try await Bench.with(data: false, model: ["name": "softmax", "features": 5, "classes": 3]) { bench, hello in
            #expect(hello.datasets.isEmpty)
            try await bench.trainer.initialise(output: "out/initial.safetensors")
            let weights = try SafetensorsFile(path: bench.folder.file("out/initial.safetensors"))
            #expect(weights.schema["weight"]?.shape == [3, 5])
            #expect(weights.schema.digest == hello.schema)
        }
    }

    @Test("A bad request is an answer, and a good one works after it")
    func badRequest() async throws {
        try await Bench.with { bench, _ in
            let error = await #expect(throws: ClientError.self) { _ = try await bench.evaluate() }
            #expect(error?.message.contains("FileNotFoundError") == true)
            try await bench.trainer.initialise(output: "in/0.safetensors")
            _ = try await bench.evaluate()
        }
    }
}
