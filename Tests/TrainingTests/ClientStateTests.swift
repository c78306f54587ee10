import Durability
import Foundation
import Jobs
import TestSupport
import Testing
import Weights

@testable import Training

@Suite struct ClientStateTests {
    private func weights(_ value: Float) throws -> Weights { try Weights([(name: "a", shape: [1], values: [value])]) }

    @Test func aRoundSeesOnlyEarlierRounds() throws {
        let folder = try TemporaryFolder()
        func state(_ round: Int) -> FolderClientState { .init(folder: folder.file("state"), round: round) }
        let schema = try weights(0).schema
        #expect(try state(0).load("x", schema: schema) == nil)
        try state(0).save("x", weights(1))
        #expect(try state(0).load("x", schema: schema) == nil, "a retry begins where the first try began")
        #expect(try state(1).load("x", schema: schema) == weights(1))
        try state(4).save("x", weights(2))
        #expect(try state(4).load("x", schema: schema) == weights(1))
        try state(4).save("x", weights(3))
        #expect(try state(5).load("x", schema: schema) == weights(3))
        try state(11).save("x", weights(4))
        #expect(try state(10).load("x", schema: schema) == weights(3), "rounds are numbers, not texts")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("state")).sorted()
        #expect(names == ["x.11.safetensors", "x.4.safetensors"])
        let other = try Weights([(name: "b", shape: [1], values: [1])])
        #expect(throws: TrainingError.self) { try state(12).load("x", schema: other.schema) }
    }

    /// A trainer's `state` folder may be new, and the power may fail right after.
    @Test(arguments: LossyFileSystem.Loss.allCases)
    func whatIsSavedSurvivesAPowerFailure(loss: LossyFileSystem.Loss) throws {
        let disk = LossyFileSystem()
        try FolderClientState.write(weights(7), to: "x.3.safetensors", in: "/site/jobs/a/state", fileSystem: disk)
        disk.crash(loss)
        let bytes = try disk.read("/site/jobs/a/state/x.3.safetensors")
        #expect(try Safetensors.decode(bytes) == weights(7))
        #expect(try disk.list("/site/jobs/a/state") == ["x.3.safetensors"])
    }

    @Test(
        arguments: [
            ["name": "scaffold", "clients": 2], ["name": "feddyn", "clients": 2], ["name": "ditto"], ["name": "moon"],
            ["name": "fedper", "personal": ["bias"]], ["name": "fednova"],
        ] as [Settings])
    func aRetryGivesTheSameBytes(strategy: Settings) throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        var hello = Fixtures.hello(["name": "softmax", "features": 3, "classes": 2], data: site)
        hello.strategy = strategy
        let monitor = TrainerMonitor(isCancelled: { false }, report: { _ in })
        func session() throws -> ModelTrainer { try ModelTrainer(hello) }
        try session().initialise(.init(output: folder.file("w.safetensors")))
        let global = try SafetensorsFile(path: folder.file("w.safetensors")).read()
        let auxiliary = AuxiliaryTensors(try StrategySettings(strategy))
        let model = try AuxiliaryTensors.modelSchema(of: global.schema)
        #expect(global.schema == (try auxiliary.globalSchema(model: model)))
        #expect(try session().greeting.schema == model.digest)
        func train(_ round: Int, attempt: Int = 0) throws -> Weights {
            let path = folder.file("u.safetensors")
            _ = try session().train(
                .init(
                    round: round, attempt: attempt, weights: folder.file("w.safetensors"), update: path,
                    state: folder.file("state"), config: ["epochs": 2, "learningRate": 0.3]), monitor)
            return try SafetensorsFile(path: path).read()
        }
        let first = try train(0)
        #expect(first.schema == (try auxiliary.updateSchema(model: model)))
        #expect(try train(0, attempt: 1) == first)
        let second = try train(1)
        #expect(try train(1, attempt: 1) == second)
        // Evaluation after round 0 sees what round 0 saved, in a strategy with something personal.
        func loss(_ round: Int, state: String?) throws -> Double? {
            try session().evaluate(
                .init(round: round, weights: folder.file("w.safetensors"), split: "test", state: state, config: [:]),
                monitor
            ).sums["loss"]
        }
        let isPersonal = try StrategySettings(strategy).isPersonalised
        #expect(try (loss(1, state: folder.file("state")) != loss(1, state: nil)) == isPersonal)
        #expect(try loss(0, state: folder.file("none")) == loss(0, state: nil))
    }

    @Test func theEchoTrainerSpeaksEveryStrategy() throws {
        let folder = try TemporaryFolder()
        var hello = Fixtures.hello(["name": "echo", "size": 16])
        hello.strategy = ["name": "scaffold", "clients": 2]
        let session = try EchoTrainer(hello)
        try session.initialise(.init(output: folder.file("w.safetensors")))
        _ = try session.train(
            .init(
                round: 0, attempt: 0, weights: folder.file("w.safetensors"), update: folder.file("u.safetensors"),
                state: "state", config: [:]), TrainerMonitor(isCancelled: { false }, report: { _ in }))
        let update = try SafetensorsFile(path: folder.file("u.safetensors")).read()
        #expect(update.schema.tensors.map(\.name) == ["aux.control.values", "values"])
        hello.strategy = ["name": "magic"]
        #expect(throws: TrainingError.self) { try EchoTrainer(hello) }
        var other = Fixtures.hello(["name": "softmax", "features": 3, "classes": 2])
        other.strategy = ["name": "fedper", "personal": ["classifier"]]
        let error = try #require(throws: TrainingError.self) { try ModelTrainer(other) }
        #expect(error.code == .config && error.message.contains("classifier"))
    }
}
