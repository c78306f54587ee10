import Datasets
import Foundation
import Jobs
import Layers
import ModelZoo
import TestSupport
import Testing
import Training
import Weights

@Suite struct CorruptionTrainingTests {
    private let monitor = TrainerMonitor(isCancelled: { false }, report: { _ in })

    /// A trainer on the small site, and one round of it.
    private func trainer(_ folder: TemporaryFolder, _ corruption: Settings?, site: String) throws -> ModelTrainer {
        var hello = Fixtures.hello(["name": "softmax", "features": 3, "classes": 2], data: site)
        hello.corruption = corruption
        let session = try ModelTrainer(hello)
        try session.initialise(.init(output: folder.file("initial.safetensors")))
        return session
    }

    private func train(
        _ folder: TemporaryFolder, _ corruption: Settings?, site: String
    ) throws -> (update: Weights, statistics: TaskStatistics) {
        let statistics = try trainer(folder, corruption, site: site).train(
            .init(
                round: 2, attempt: 0, weights: folder.file("initial.safetensors"), update: folder.file("u.safetensors"),
                state: folder.file("state"), config: ["epochs": 2, "batchSize": 7]), monitor)
        return (try SafetensorsFile(path: folder.file("u.safetensors")).read(), statistics)
    }

    /// The same round by hand, on data that were changed by hand.
    private func train(on view: DatasetView) throws -> (update: Weights, statistics: TaskStatistics) {
        let entry = try Fixtures.softmax(view.dataset)
        let global = try entry.model.weights()
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 2
        configuration.batchSize = 7
        let statistics = try LocalTraining.run(entry, on: view, configuration, .init(seed: 8, round: 2, client: 7))
        return (try entry.model.weights().update(from: global), statistics)
    }

    private func outcome(_ corruption: Settings, _ labels: [Int]) throws -> ClientCorruption {
        let settings = try CorruptionSettings(corruption, seed: 8, clientIndex: 7)
        return try settings.simulator.training(client: settings.client, labels: labels, classes: 2, modalities: 2)
    }

    @Test func rateZeroChangesNoBit() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let plain = try train(folder, nil, site: site)
        let zero: Settings = ["missingModality": 0, "missingLabels": 0.0, "erroneousLabels": 0, "sparsity": 0.7]
        for corruption in [[:], zero, ["mode": "faithful", "missingModality": 0], ["evaluationMissingModality": 0.5]]
            as [Settings]
        {
            let found = try train(folder, corruption, site: site)
            #expect(found == plain)
        }
        #expect(try train(on: SiteFolder(path: site).read(split: "train").all) == plain)
    }

    @Test func trainingSeesTheCorruptedData() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let data = try SiteFolder(path: site).read(split: "train")

        let unlabelled: Settings = ["missingLabels": 0.4]
        let kept = try outcome(unlabelled, data.labels).kept()
        #expect(kept.count < 40)
        let fewer = try train(folder, unlabelled, site: site)
        #expect(fewer.statistics.examples == kept.count)
        #expect(try train(on: DatasetView(data, indices: kept)) == fewer)

        let wrong: Settings = ["erroneousLabels": 0.3]
        let labels = try outcome(wrong, data.labels).labels
        #expect(labels != data.labels)
        #expect(try train(on: data.replacingLabels(labels).all) == train(folder, wrong, site: site))

        let missing: Settings = ["missingModality": 0.4, "missingModalityUnit": "sample"]
        let flags = try outcome(missing, data.labels)
        var values = data.values
        for sample in 0..<40 {
            for modality in 0..<2 where flags.isMissing(modality: modality, sample: sample) {
                let elements = data.modalities[modality].elements
                for index in 0..<elements { values[modality][sample * elements + index] = 0 }
            }
        }
        let zeroed = try MultimodalDataset(
            name: "tiny", classes: data.classes, modalities: data.modalities, values: values, labels: data.labels)
        let left = flags.kept()
        #expect(left.count < 40)
        #expect(
            try train(on: DatasetView(zeroed, indices: left)) == train(folder, missing, site: site))

        let all = unlabelled.merging(wrong) { $1 }.merging(missing) { $1 }
        let both = try outcome(all, data.labels)
        #expect(try train(folder, all, site: site).statistics.examples == both.kept().count)
        #expect(try train(folder, all, site: site) == train(folder, all, site: site))
        // Another seed or another client draws otherwise.
        let other = try train(folder, all.merging(["seed": 9]) { $1 }, site: site)
        #expect(try other != train(folder, all, site: site))
        #expect(try train(folder, all.merging(["index": 8]) { $1 }, site: site) != train(folder, all, site: site))
    }

    @Test func evaluationHasItsOwnRates() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        func evaluate(_ corruption: Settings) throws -> TaskStatistics {
            try trainer(folder, corruption, site: site).evaluate(
                .init(round: 2, weights: folder.file("initial.safetensors"), split: "test", config: [:]), monitor)
        }
        let clean = try evaluate([:])
        #expect(try evaluate(["missingModality": 1, "missingLabels": 1, "erroneousLabels": 1]) == clean)
        let turned = try evaluate(["evaluationErroneousLabels": 1])
        #expect(turned.examples == 20)
        #expect(turned.confusion == clean.confusion.map { [$0[1], $0[0]] })
        let fewer = try evaluate(["evaluationMissingModality": 0.6])
        #expect(fewer.examples < 20 && fewer.examples > 0)
        let error = try #require(throws: TrainingError.self) { try evaluate(["evaluationMissingModality": 1]) }
        #expect(error.code == .data)
    }

    @Test func nothingLeftIsAnAnswer() throws {
        let folder = try TemporaryFolder()
        let site = try Fixtures.site(folder)
        let lost = try #require(throws: TrainingError.self) {
            try train(folder, ["missingModality": 1, "missingLabels": 0.5], site: site)
        }
        #expect(lost.code == .data)
        #expect(
            lost.message.hasPrefix(
                "data set 'tiny': the job's corruption leaves nothing to train on: nothing is left of 40 samples: "
                    + "40 lack 'a', 40 lack 'b', "), "\(lost)")
        // Position 4 of the benchmark's partition lacks both sensors at 30 %.
        let faithful = try #require(throws: TrainingError.self) {
            try train(folder, ["mode": "faithful", "missingModality": 0.3, "index": 4], site: site)
        }
        #expect(faithful.code == .data)
        #expect(
            try train(folder, ["mode": "faithful", "missingModality": 0.3, "index": 2], site: site)
                .statistics.examples == 40)
    }

    /// A client without a sensor leaves that sensor's part of the model as it was.
    @Test(
        arguments: [
            ["mode": "faithful", "missingModality": 0.5, "index": 2], ["missingModality": 0.5],
        ] as [Settings])
    func aMissingSensorIsNotTrained(corruption: Settings) throws {
        let folder = try TemporaryFolder()
        let signal = (0..<960).map { (index: Int) -> Float in
            let step = (index * 7919) % 101
            return Float(step) / 50 - 1
        }
        let data = try MultimodalDataset(
            name: "tiny", classes: ["even", "odd"],
            modalities: ["acc", "gyro"].map { Modality(name: $0, shape: [16, 3]) },
            values: [signal, Array(signal.reversed())], labels: (0..<20).map { $0 % 2 })
        let site = folder.file("sensors")
        try SiteFolder.write(to: site, splits: ["train": data.all])

        // The first client that has the first sensor only.
        var corruption = corruption
        let index = try (2..<100).first { index in
            let settings = try CorruptionSettings(
                corruption.merging(["index": .int(index)]) { $1 }, seed: 8, clientIndex: 7)
            let outcome = try settings.simulator.training(
                client: settings.client, labels: data.labels, classes: 2, modalities: 2)
            return outcome.missingCounts == [0, 20]
        }
        corruption["index"] = .int(try #require(index))
        var hello = Fixtures.hello(["name": "har", "hidden": 4, "classes": 2], data: site)
        hello.corruption = corruption
        let session = try ModelTrainer(hello)
        try session.initialise(.init(output: folder.file("w.safetensors")))
        let statistics = try session.train(
            .init(
                round: 0, attempt: 0, weights: folder.file("w.safetensors"), update: folder.file("u.safetensors"),
                state: folder.file("state"), config: ["weightDecay": 0, "epochs": 2]), monitor)
        #expect(statistics.examples == 20)
        let update = try SafetensorsFile(path: folder.file("u.safetensors")).read()
        for tensor in update.schema.tensors {
            let isStill = try update.floats(tensor.name).allSatisfy { $0 == 0 }
            // A shift of all scores changes no softmax.
            if tensor.name == "fuse_att.att_fc2.bias" { continue }
            #expect(isStill == tensor.name.hasPrefix("gyro_"), "\(tensor.name)")
        }
    }

    @Test func readsTheMap() throws {
        let read = try CorruptionSettings(
            [
                "mode": "right", "rateLaw": "beta", "missingModality": [0.3, 2], "missingModalityUnit": "sample",
                "missingLabels": 0.1, "erroneousLabels": 1, "sparsity": 0.2, "evaluationMissingModality": [0.5, 10],
                "evaluationErroneousLabels": 0.05, "seed": 12, "index": 4,
            ], seed: 8, clientIndex: 7)
        #expect(
            read.simulator.description
                == CorruptionDescription(
                    missingModality: .beta(mean: 0.3, concentration: 2), unit: .sample, missingLabels: .constant(0.1),
                    erroneousLabels: .constant(1), sparsity: 0.2,
                    evaluationMissingModality: .beta(mean: 0.5, concentration: 10),
                    evaluationErroneousLabels: .constant(0.05)))
        #expect(read.simulator.seed == 12 && read.client == 4)
        let plain = try CorruptionSettings([:], seed: 8, clientIndex: 7)
        #expect(plain.simulator.description == .none)
        #expect(plain.simulator.seed == 8 && plain.client == 7)
        let uniform = try CorruptionSettings(
            ["rateLaw": "uniform", "missingLabels": [0, 0.5]], seed: 8, clientIndex: 7)
        #expect(uniform.simulator.description.missingLabels == .uniform(low: 0, high: 0.5))
    }

    static let broken: [(settings: Settings, expected: String)] = [
        (["missingModalities": 0.1], "did you mean 'missingModality'?"),
        (["mode": "faitful"], "corruption.mode: unknown value 'faitful': did you mean 'faithful'?"),
        (["missingModality": 1.5], "corruption.missingModality: found 1.5, expected a number in 0.0...1.0"),
        (["missingLabels": "some"], "corruption.missingLabels: found 'some'"),
        (["missingLabels": [0.1, 0.2]], "expected a number in 0...1, since corruption.rateLaw is constant"),
        (["rateLaw": "uniform", "missingLabels": [0.3, 0.2]], "found [0.3, 0.2], expected [low, high]"),
        (["rateLaw": "uniform", "missingLabels": [0.3]], "found a list of 1, expected [low, high]"),
        (["rateLaw": "beta", "missingLabels": [0.3, "x"]], "found a list of 2, expected [mean, concentration]"),
        (["rateLaw": "beta", "missingLabels": [0.3, 0]], "expected [mean, concentration]"),
        (["rateLaw": "normal"], "corruption.rateLaw: unknown value 'normal'"),
        (["missingModalityUnit": "row"], "corruption.missingModalityUnit"),
        (["sparsity": -1], "corruption.sparsity"),
        (["seed": -1], "corruption.seed"),
        (["index": 4_294_967_296], "corruption.index"),
        (["mode": "faithful", "missingModalityUnit": "sample"], "expected the unit client"),
        (["mode": "faithful", "erroneousLabels": 1], "expected less in the mode faithful"),
        (["mode": "faithful", "evaluationErroneousLabels": 0.1], "leaves held-out data alone"),
    ]

    @Test(arguments: broken)
    func brokenMapsNameTheKey(settings: Settings, expected: String) throws {
        let error = try #require(throws: TrainingError.self) {
            try CorruptionSettings(settings, seed: 1, clientIndex: 1)
        }
        #expect(error.code == .config)
        #expect(error.message.contains(expected), "\(error.message)")
        var hello = Fixtures.hello(["name": "softmax", "features": 3, "classes": 2])
        hello.corruption = settings
        #expect(throws: TrainingError.self) { try ModelTrainer(hello) }
    }
}
