import Foundation
import Testing

@testable import Datasets

@Suite struct BenchmarkGeneratorTests {
    /// Without UCI-HAR, whose generated form is SyntheticHAR's.
    static let made = BenchmarkDataset.all.filter { $0 != .uciHAR }

    @Test(arguments: made)
    func hasTheFormOfTheRealData(_ benchmark: BenchmarkDataset) throws {
        let contents = try BenchmarkGenerator(benchmark, scale: 1e-6).contents()
        let train = contents.splits.train
        #expect(train.name == "synthetic-\(benchmark.name)")
        #expect(train.modalities == benchmark.modalities)
        #expect(Set(train.labels).isSubset(of: 0..<benchmark.classes.count))
        #expect(contents.splits.heldOut.keys.sorted() == benchmark.heldOutSplits.sorted())
        #expect(contents.splits.heldOut.values.allSatisfy { Set($0.labels).count == benchmark.classes.count })
        for (index, modality) in train.modalities.enumerated() where modality.hasLengths {
            let lengths = try #require(train.lengths[index])
            #expect(Set(lengths).count > 1)
            // What lies beyond a length is zero.
            let features = modality.shape[1]
            for (row, length) in lengths.enumerated().prefix(5) {
                let tail = train.values[index][
                    (row * modality.shape[0] + length) * features..<(row + 1) * modality.elements]
                #expect(tail.allSatisfy { $0 == 0 })
            }
        }
        #expect(train.isMultilabel == benchmark.isMultilabel)
        if let targets = train.targets {
            let rows = stride(from: 0, to: targets.count, by: 5).map { targets[$0..<$0 + 5].reduce(0, +) }
            #expect(Set(rows) == [0, 1, 2])
        }
        #expect(contents.notes[0].hasPrefix("generated: "))
        let alpha = benchmark.alphas.isEmpty ? nil : 5.0
        let partition = try PartitionScheme.make(
            .init(scheme: .fedMultimodal, alpha: alpha), for: contents.benchmark
        ).partition(PartitionInput(train, groups: contents.splits.groups))
        #expect(partition.clients.count == contents.benchmark.clients)
    }

    /// At its own size a generated data set has the clients and their sizes that the real one has.
    @Test func sizesAreThoseOfTheRealData() throws {
        let sizes = BenchmarkGenerator.sizes(count: 86, range: 11...223, mean: 7318.0 / 86)
        #expect(abs(sizes.reduce(0, +) - 7318) < 1)
        #expect(sizes[0] == 223 && sizes[85] == 11)
        let rows = Apportionment.sizes(weights: sizes, total: 7318, minimum: 8)
        #expect(rows.max() == 223 && rows.min() == 11)
        for benchmark in Self.made {
            let generator = try BenchmarkGenerator(benchmark)
            let expected = benchmark.name == "mit51" ? 100...1000 : benchmark.clients * 9 / 10...benchmark.clients
            #expect(expected.contains(generator.benchmark.clients), "\(benchmark.name)")
        }
    }

    /// Whoever sees one modality alone can tell classes: means over time for directions, power by frequency for signals.
    @Test(arguments: [BenchmarkDataset.kuHAR, .hatefulMemes, .cremaD])
    func everyModalityTellsTheClass(_ benchmark: BenchmarkDataset) throws {
        let contents = try BenchmarkGenerator(benchmark, scale: 1e-6).contents()
        let test = try #require(contents.splits.heldOut["test"])
        for modality in benchmark.modalities.indices {
            let known = features(contents.splits.train, modality)
            let asked = features(test, modality)
            let means = benchmark.classes.indices.map { label in
                mean(zip(known, contents.splits.train.labels).filter { $1 == label }.map(\.0))
            }
            let hits = zip(asked, test.labels).count { row, label in
                let distances = means.map { mean in zip(row, mean).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } }
                return distances.indices.min { distances[$0] < distances[$1] } == label
            }
            #expect(
                Double(hits) / Double(test.count) > 1.5 / Double(benchmark.classes.count),
                "\(benchmark.modalities[modality].name): \(hits) of \(test.count)")
        }
    }

    private func mean(_ rows: [[Double]]) -> [Double] {
        guard let first = rows.first else { return [] }
        return first.indices.map { index in rows.reduce(0) { $0 + $1[index] } / Double(rows.count) }
    }

    private func features(_ data: MultimodalDataset, _ index: Int) -> [[Double]] {
        let modality = data.modalities[index]
        let width = modality.shape[1]
        return (0..<data.count).map { row in
            let length = data.lengths[index]?[row] ?? modality.shape[0]
            let values = data.values[index][row * modality.elements..<row * modality.elements + length * width].map(
                Double.init)
            guard width <= 128 else {
                return (0..<width).map { feature in
                    stride(from: feature, to: values.count, by: width).reduce(0) { $0 + values[$1] } / Double(length)
                }
            }
            return data.classes.indices.map { label in
                let turns = Double(4 + 56 * label / (data.classes.count - 1)) / 256
                let powers = (0..<min(width, 6)).map { feature in
                    var (real, imaginary) = (0.0, 0.0)
                    for step in 0..<length {
                        let angle = 2 * Double.pi * turns * Double(step)
                        real += values[step * width + feature] * cos(angle)
                        imaginary += values[step * width + feature] * sin(angle)
                    }
                    return (real * real + imaginary * imaginary).squareRoot() / Double(length)
                }
                return powers.reduce(0, +)
            }
        }
    }

    @Test func theSeedDecidesExamplesAndNotTheScale() throws {
        func train(_ scale: Double, _ seed: UInt64) throws -> MultimodalDataset {
            try BenchmarkGenerator(.hatefulMemes, scale: scale, seed: seed).contents().splits.train
        }
        let first = try train(0.01, 8)
        #expect(try train(0.01, 8).values == first.values)
        #expect(try train(0.01, 9).values != first.values)
        #expect(try train(0.02, 8).count == 2 * first.count)
    }

    @Test func scalesOutOfRangeAreRefused() throws {
        for scale in [0, -1, 1.5, .nan] {
            #expect(throws: DatasetError.self) { try BenchmarkGenerator(.kuHAR, scale: scale) }
        }
        #expect(try BenchmarkGenerator(.mit51).scale < 0.1)
        let error = try #require(throws: DatasetError.self) {
            try SitePartition.prepare(
                .init(source: .uciHAR, data: "x", partition: .init(scheme: .fedMultimodal, alpha: 5), scale: 0.5))
        }
        #expect(error.message.contains("scale is for generated data"))
    }
}
