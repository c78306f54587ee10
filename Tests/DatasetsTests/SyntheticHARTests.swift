import Datasets
import Foundation
import Testing

@Suite struct SyntheticHARTests {
    @Test func sameSeedSameValuesWhoeverElseIsAskedFor() throws {
        let configuration = SyntheticHAR.Configuration(seed: 5, subjects: 4, windowsPerActivity: 2)
        let all = try SyntheticHAR(configuration).dataset()
        let again = try SyntheticHAR(configuration).dataset()
        #expect(all.values == again.values)
        let third = try SyntheticHAR(configuration).dataset(subjects: [3])
        let rows = DatasetView(all, indices: all.labels.indices.filter { all.subjects?[$0] == 3 })
        #expect(third.values[0] == rows.gather(modality: 0))
        #expect(third.values[1] == rows.gather(modality: 1))
        let other = try SyntheticHAR(.init(seed: 6, subjects: 4, windowsPerActivity: 2)).dataset()
        #expect(other.values != all.values)
    }

    @Test func hasTheFormOfUCIHAR() throws {
        let data = try SyntheticHAR(.init(subjects: 3, windowsPerActivity: 2)).dataset()
        #expect(data.name == "synthetic-har")
        #expect(data.modalities == UCIHARReader.modalities)
        #expect(data.classes == UCIHARReader.classNames)
        #expect(data.count == 36)
        #expect(data.labels == (0..<3).flatMap { _ in (0..<6).flatMap { [$0, $0] } })
        #expect(data.values.allSatisfy { $0.allSatisfy { $0.isFinite } })
        for modality in 0..<2 {
            let window = (0..<128).map { Double(data.values[modality][(20 * 128 + $0) * 3 + 1]) }
            #expect(abs(window.reduce(0, +) / 128) < 1e-5)
            #expect(abs(window.reduce(0) { $0 + $1 * $1 } / 128 - 1) < 0.02)
        }
    }

    @Test func splitsArePeople() throws {
        let thirty = try SyntheticHAR(.init()).splitSubjects
        #expect(thirty.train.count == 21)
        #expect(Set(thirty.test) == SyntheticHAR.testSubjects)
        let six = try SyntheticHAR(.init(subjects: 6)).splitSubjects
        #expect(six.train == [1, 2, 3, 4])
        #expect(six.test == [5, 6])
    }

    @Test(arguments: [(0, 1), (10_001, 1), (3, 0), (3, 10_001), (10_000, 10_000)])
    func countsAreBounded(subjects: Int, windows: Int) {
        #expect(throws: DatasetError.self) {
            try SyntheticHAR(.init(subjects: subjects, windowsPerActivity: windows))
        }
    }

    @Test func unknownSubjectIsRefused() throws {
        let generator = try SyntheticHAR(.init(subjects: 3))
        #expect(throws: DatasetError.self) { try generator.dataset(subjects: [4]) }
    }

    /// Softmax regression on the 768 normalised samples stays far below what the activity model reaches (about 0.9).
    @Test func aLinearModelDoesNotSolveIt() throws {
        let generator = try SyntheticHAR(.init(windowsPerActivity: 6))
        let split = generator.splitSubjects
        let train = try generator.dataset(subjects: split.train)
        let test = try generator.dataset(subjects: split.test)
        let probe = LinearProbe(train: train, epochs: 8, learningRate: 0.003)
        #expect(probe.accuracy(on: train) > 0.3, "the probe must at least fit something of what it saw")
        #expect(probe.accuracy(on: test) < 0.45)
    }
}

/// Softmax regression by stochastic gradient descent.
private struct LinearProbe {
    private var weights: [Float]
    private let features: Int

    init(train: MultimodalDataset, epochs: Int, learningRate: Float) {
        features = 768
        weights = [Float](repeating: 0, count: 6 * 768)
        for epoch in 0..<epochs {
            for step in 0..<train.count {
                // 997 is prime and larger than any stride of the ordering by person and activity.
                let row = (step * 997 + epoch) % train.count
                let input = Self.input(train, row)
                var scores = self.scores(input)
                let peak = scores.max() ?? 0
                scores = scores.map { Foundation.exp($0 - peak) }
                let sum = scores.reduce(0, +)
                for label in 0..<6 {
                    let error = scores[label] / sum - (train.labels[row] == label ? 1 : 0)
                    weights.withUnsafeMutableBufferPointer { weights in
                        input.withUnsafeBufferPointer { input in
                            for feature in 0..<features {
                                weights[label * features + feature] -= learningRate * error * input[feature]
                            }
                        }
                    }
                }
            }
        }
    }

    func accuracy(on data: MultimodalDataset) -> Double {
        let right = (0..<data.count).count { row in
            let scores = self.scores(Self.input(data, row))
            return scores.firstIndex(of: scores.max() ?? 0) == data.labels[row]
        }
        return Double(right) / Double(data.count)
    }

    private func scores(_ input: [Float]) -> [Float] {
        weights.withUnsafeBufferPointer { weights in
            input.withUnsafeBufferPointer { input in
                (0..<6).map { label in
                    var sum: Float = 0
                    for feature in 0..<features { sum += weights[label * features + feature] * input[feature] }
                    return sum
                }
            }
        }
    }

    private static func input(_ data: MultimodalDataset, _ row: Int) -> [Float] {
        Array(data.values[0][row * 384..<(row + 1) * 384]) + Array(data.values[1][row * 384..<(row + 1) * 384])
    }
}
