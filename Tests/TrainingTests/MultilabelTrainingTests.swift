import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import Tensors
import TestSupport
import Testing
import Weights

@testable import Training

/// Examples of several labels: binary cross-entropy in training and evaluation, against PyTorch (Golden/make_multilabel.py).
@Suite struct MultilabelTrainingTests {
    private struct Golden: Decodable {
        struct Counts: Decodable {
            var loss: Double
            var correct: Double
        }
        var values: [Float]
        var targets: [Float]
        var initial: [String: [Float]]
        var final: [String: [Float]]
        var before: Counts
        var after: Counts
        var lastLoss: Double

        init() throws {
            let file = try #require(
                Bundle.module.url(forResource: "multilabel", withExtension: "json", subdirectory: "Golden"))
            self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
        }

        func dataset() throws -> MultimodalDataset {
            try MultimodalDataset(
                name: "several", classes: ["a", "b", "c", "d"], modalities: [Modality(name: "x", shape: [3])],
                values: [values], targets: targets)
        }

        func entry(_ data: MultimodalDataset) throws -> ModelRegistry.Entry {
            let manifest = SiteManifest(
                dataset: data.name, classes: data.classes, isMultilabel: true, modalities: data.modalities, splits: [:])
            let entry = try ModelRegistry.make(
                ["name": "softmax", "multilabel": true], manifest: manifest, Initializer(seed: 8))
            for (name, tensor) in entry.model.parameters() {
                try tensor.assign(Tensor(try #require(initial[name]), shape: tensor.shape))
            }
            return entry
        }
    }

    private func check(_ statistics: TaskStatistics, _ expected: Golden.Counts) throws {
        #expect(statistics.examples == 12)
        #expect(statistics.confusion == nil)
        #expect(statistics.sums["correct"] == expected.correct)
        #expect(abs(try #require(statistics.sums["loss"]) - expected.loss) < 1e-5)
        _ = try statistics.validated(maximumExamples: 12)
    }

    @Test func threeStepsArePyTorchs() throws {
        let golden = try Golden()
        let data = try golden.dataset()
        let entry = try golden.entry(data)
        try check(Evaluation.run(entry, on: data.all), golden.before)
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 3
        configuration.batchSize = 12
        configuration.learningRate = 2
        let trained = try LocalTraining.run(entry, on: data.all, configuration, .init(seed: 1, round: 0, client: 0))
        #expect(abs(try #require(trained.sums["loss"]) - golden.lastLoss) < 1e-5)
        for (name, tensor) in entry.model.parameters() {
            for (found, expected) in zip(try tensor.floats(), try #require(golden.final[name])) {
                #expect(abs(found - expected) < 1e-5, "\(name)")
            }
        }
        // Two examples a batch, the last one alone: sums do not depend on it.
        var small = Evaluation.Configuration()
        small.batchSize = 5
        try check(Evaluation.run(entry, on: data.all, small), golden.after)
    }

    @Test("Every strategy but FedRS trains it", arguments: StrategySettings.Name.allCases)
    func strategies(name: StrategySettings.Name) throws {
        let golden = try Golden()
        let data = try golden.dataset()
        let entry = try golden.entry(data)
        var settings: Settings = ["name": .string(name.rawValue)]
        if [.fedbn, .fedper, .fedrep].contains(name) { settings["personal"] = ["bias"] }
        if [.scaffold, .feddyn].contains(name) { settings["clients"] = 2 }
        let strategy = try StrategySettings(settings)
        let global = try AuxiliaryTensors(strategy).completing(entry.model.weights())
        func train() throws -> RoundTraining.Result {
            try RoundTraining(entry: entry, strategy: strategy).run(
                on: data.all, .init(), .init(seed: 8, round: 0, client: 1), global: global, state: NoClientState())
        }
        guard name != .fedrs else {
            let error = try #require(throws: TrainingError.self) { try train() }
            #expect(error.code == .config)
            #expect(error.message.contains("softmax"))
            return
        }
        #expect(try train().statistics.examples == 12)
    }

    @Test func labelsOfOneKindAndModelsOfTheOther() throws {
        let golden = try Golden()
        let data = try golden.dataset()
        let manifest = SiteManifest(
            dataset: data.name, classes: data.classes, isMultilabel: true, modalities: data.modalities, splits: [:])
        let error = try #require(throws: TrainingError.self) {
            try ModelRegistry.make(["name": "softmax"], manifest: manifest, Initializer(seed: 8))
        }
        #expect(error.code == .data)
        #expect(error.message.contains("model.multilabel: true"))
        // One label each is a special case of several.
        let single = try Fixtures.separable()
        let entry = try Fixtures.softmax(single)
        let several = ModelRegistry.Entry(model: entry.model, modalities: nil, isMultilabel: true)
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 30
        let statistics = try LocalTraining.run(
            several, on: single.all, configuration, .init(seed: 8, round: 0, client: 0))
        #expect(try #require(statistics.sums["correct"]) > 30)
        #expect(try #require(Evaluation.run(several, on: single.all).sums["correct"]) > 30)
    }

    @Test func aTrainerProcessReadsTargets() throws {
        let folder = try TemporaryFolder()
        let golden = try Golden()
        let data = try golden.dataset()
        let path = folder.file("site")
        try SiteFolder.write(to: path, splits: ["train": data.all, "test": data.all])
        func hello(_ strategy: Settings) -> TrainerRequest.Hello {
            var hello = Fixtures.hello(["name": "softmax", "multilabel": true], data: path, dataset: "several")
            hello.strategy = strategy
            return hello
        }
        #expect(throws: TrainingError.self) { try ModelTrainer(hello(["name": "fedrs"])) }
        let trainer = try ModelTrainer(hello(["name": "fedavg"]))
        #expect(trainer.greeting.datasets == ["train": 12, "test": 12])
    }
}
