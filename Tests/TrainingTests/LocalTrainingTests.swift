import Datasets
import Jobs
import Layers
import ModelZoo
import Testing
import Training
import Weights

@Suite struct LocalTrainingTests {
    private func train(
        _ configuration: LocalTraining.Configuration = .init(), round: UInt32 = 0, client: UInt32 = 7, seed: UInt64 = 8
    ) throws -> (weights: Weights, statistics: TaskStatistics) {
        let data = try Fixtures.separable()
        let entry = try Fixtures.softmax(data)
        let statistics = try LocalTraining.run(
            entry, on: data.all, configuration, .init(seed: seed, round: round, client: client))
        return (try entry.model.weights(), statistics)
    }

    @Test func theSameNumbersGiveTheSameBits() throws {
        let first = try train()
        #expect(try train() == first)
        #expect(try train(round: 1).weights != first.weights)
        #expect(try train(client: 8).weights != first.weights)
        #expect(try train(seed: 9).weights != first.weights)
    }

    @Test func learnsAndCounts() throws {
        var configuration = LocalTraining.Configuration()
        configuration.epochs = 5
        configuration.batchSize = 7
        let data = try Fixtures.separable()
        let entry = try Fixtures.softmax(data)
        let before = try Evaluation.run(entry, on: data.all)
        var fractions: [Double] = []
        let statistics = try LocalTraining.run(
            entry, on: data.all, configuration, .init(seed: 1, round: 0, client: 0)
        ) { fraction, _ in fractions.append(fraction) }
        #expect(statistics.examples == 60)
        #expect(fractions.count == 5 * 9, "the last partial batch is kept")
        #expect(fractions.last == 1)
        #expect(fractions == fractions.sorted())
        let after = try Evaluation.run(entry, on: data.all)
        #expect(try #require(after.sums["loss"]) < #require(before.sums["loss"]))
        #expect(after.sums["correct"] == 60)
        #expect(after.confusion == [[30, 0], [0, 30]])
        _ = try statistics.validated(maximumExamples: 60)
    }

    @Test func aLearningRateOfZeroChangesNothing() throws {
        var configuration = LocalTraining.Configuration()
        configuration.learningRate = 0
        let data = try Fixtures.separable()
        let entry = try Fixtures.softmax(data)
        let before = try entry.model.weights()
        let statistics = try LocalTraining.run(entry, on: data.all, configuration, .init(seed: 1, round: 0, client: 0))
        #expect(try entry.model.weights() == before)
        let evaluated = try Evaluation.run(entry, on: data.all)
        #expect(abs((statistics.sums["loss"] ?? 0) - (evaluated.sums["loss"] ?? 1)) < 1e-4)
        #expect(statistics.sums["correct"] == evaluated.sums["correct"])
    }

    @Test func evaluationIsAdditive() throws {
        let data = try Fixtures.separable()
        let entry = try Fixtures.softmax(data)
        var configuration = Evaluation.Configuration()
        configuration.batchSize = 13
        let whole = try Evaluation.run(entry, on: data.all, configuration)
        let parts = [0..<17, 17..<60].map { DatasetView(data, indices: Array($0)) }
        let sum = try parts.map { try Evaluation.run(entry, on: $0) }.reduce(TaskStatistics(), +)
        #expect(sum.confusion == whole.confusion)
        #expect(sum.examples == whole.examples)
        #expect(abs((sum.sums["loss"] ?? 0) - (whole.sums["loss"] ?? 1)) < 1e-4)
        #expect(try Evaluation.run(entry, on: DatasetView(data, indices: [])).examples == 0)
        // Parts of whole batches count as the whole does, bit for bit.
        configuration.batchSize = 7
        let scores = try [0..<14, 14..<21, 21..<60].map { range in
            try Evaluation.scores(entry, on: data.all.selecting(range), first: range.lowerBound, configuration)
        }
        #expect(try Evaluation.statistics(of: scores) == Evaluation.run(entry, on: data.all, configuration))
    }

    @Test func divergenceAndEmptinessAreErrors() throws {
        let data = try Fixtures.separable()
        var configuration = LocalTraining.Configuration()
        configuration.learningRate = 1e6
        configuration.epochs = 50
        configuration.momentum = 1
        configuration.weightDecay = 1e6
        let diverged = try #require(throws: TrainingError.self) { try self.train(configuration) }
        #expect(diverged.code == .diverged)
        let entry = try Fixtures.softmax(data)
        let empty = try #require(throws: TrainingError.self) {
            try LocalTraining.run(
                entry, on: DatasetView(data, indices: []), .init(), .init(seed: 1, round: 0, client: 0))
        }
        #expect(empty.code == .data)
    }

    @Test func readsTheTrainingMap() throws {
        let read = try LocalTraining.Configuration([
            "epochs": 3, "batchSize": 4, "learningRate": 1, "momentum": 0.5, "weightDecay": 0, "clipNorm": 2.5,
            "threads": 1,
        ])
        #expect(read.epochs == 3 && read.batchSize == 4 && read.learningRate == 1 && read.momentum == 0.5)
        #expect(read.weightDecay == 0 && read.clipNorm == 2.5 && read.threads == 1)
        #expect(try LocalTraining.Configuration([:]) == .init())
    }

    @Test(arguments: [
        (["epoch": 3] as Settings, "unknown key 'epoch': did you mean 'epochs'?"),
        (["epochs": 0], "training.epochs: found 0, expected a whole number in 1...100000"),
        (["epochs": 1.5], "found 1.5"),
        (["batchSize": "x"], "found 'x'"),
        (["learningRate": -1], "learningRate"),
        (["momentum": 1.5], "momentum"),
        (["colour": 1], "expected one of batchSize, clipNorm"),
    ])
    func brokenTrainingMapsNameTheKey(settings: Settings, expected: String) throws {
        let error = try #require(throws: TrainingError.self) { try LocalTraining.Configuration(settings) }
        #expect(error.code == .config)
        #expect(error.message.contains(expected), "\(error.message)")
    }
}
