import Foundation
import Randomness
import Testing

@testable import Datasets

/// The values of `Golden/make_corruption.py`.
private struct GoldenCorruption: Decodable {
    struct Alpha50: Decodable {
        var flipped: [String: Int]
        var kept: Int
        var skipped: [UInt32]
    }

    var missingModality: [String: [[UInt32]]]
    var missingLabels: [String: [Int]]
    var classMaps: [String: [String]]
    var classMap51: [Int]
    var matrices: [String: [[Double]]]
    var alpha50: Alpha50

    static func read() throws -> GoldenCorruption {
        let url = try #require(
            Bundle.module.url(forResource: "corruption", withExtension: "json", subdirectory: "Golden"))
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
    }
}

@Suite struct FaithfulCorruptionTests {
    static let rates = [0.1, 0.2, 0.3, 0.4, 0.5]
    /// The benchmark's training clients of UCI-HAR.
    static let clients = UInt32(2)...106

    private func outcome(
        _ client: UInt32, missingModality: Double = 0, missingLabels: Double = 0, erroneousLabels: Double = 0,
        labels: [Int] = [0], classes: Int = 6, modalities: Int = 2, seed: UInt64 = 1
    ) throws -> ClientCorruption {
        let description = CorruptionDescription(
            mode: .faithful, missingModality: .constant(missingModality), missingLabels: .constant(missingLabels),
            erroneousLabels: .constant(erroneousLabels))
        return try CorruptionSimulator(description, seed: seed).training(
            client: client, labels: labels, classes: classes, modalities: modalities)
    }

    @Test(
        arguments: [
            (0, [0.5488135, 0.71518937, 0.60276338]), (2, [0.4359949, 0.02592623, 0.54966248]),
            (8, [0.8734294, 0.96854066, 0.86919454]),
        ] as [(UInt32, [Double])])
    func theGeneratorIsNumPys(seed: UInt32, expected: [Double]) {
        var generator = LegacyRandomState(seed: seed)
        for value in expected { #expect(abs(generator.random() - value) < 1e-8) }
    }

    /// 105 clients: lacking the first, the second, both; as published code draws them.
    @Test(arguments: zip(rates, [(8, 11, 1), (20, 21, 3), (27, 32, 6), (36, 38, 11), (49, 50, 24)]))
    func missingModalitiesAreTheBenchmarks(rate: Double, counts: (Int, Int, Int)) throws {
        let golden = try #require(GoldenCorruption.read().missingModality["\(rate)"])
        var found: [[UInt32]] = [[], [], []]
        for client in Self.clients {
            let outcome = try outcome(client, missingModality: rate, modalities: 3)
            for modality in 0..<3 where outcome.isMissing(modality: modality, sample: 0) {
                found[modality].append(client)
            }
        }
        #expect(found == golden)
        let both = Set(found[0]).intersection(found[1])
        #expect((found[0].count, found[1].count, both.count) == counts)
        for client in Self.clients {
            #expect(try outcome(client, missingModality: rate).isSkipped == both.contains(client))
        }
    }

    @Test func missingLabelsAreTheBenchmarks() throws {
        let golden = try GoldenCorruption.read().missingLabels
        #expect(golden.count == 4)
        for (client, expected) in golden {
            let outcome = try outcome(
                #require(UInt32(client)), missingLabels: 0.3, labels: Array(repeating: 0, count: 700))
            let positions = outcome.unlabelled.indices.filter { outcome.unlabelled[$0] }
            #expect(Array(positions.suffix(expected.count)) == expected)
            #expect(outcome.kept().count == 700 - positions.count)
        }
    }

    @Test(arguments: [2, 4, 6, 8], rates)
    func labelErrorsAreTheBenchmarks(classes: Int, rate: Double) throws {
        let golden = try #require(GoldenCorruption.read().classMaps["\(classes) \(rate)"])
        // Twice every class: samples of a class share their fate.
        let labels = Array(0..<classes) + Array(0..<classes)
        for (client, expected) in zip(Self.clients, golden) {
            let outcome = try outcome(client, erroneousLabels: rate, labels: labels, classes: classes)
            #expect(outcome.labels.map(String.init).joined() == expected + expected, "client \(client)")
        }
    }

    @Test(arguments: zip(rates, [(84, 0.090), (63, 0.197), (39, 0.313), (21, 0.408), (0, 0.513)]))
    func flipRatesAreTheBenchmarks(rate: Double, expected: (unchanged: Int, flips: Double)) throws {
        var unchanged = 0
        var flips = 0
        for client in Self.clients {
            let changed = try outcome(client, erroneousLabels: rate, labels: Array(0..<6)).changedLabels
            unchanged += changed == 0 ? 1 : 0
            flips += changed
        }
        #expect(unchanged == expected.unchanged)
        #expect(abs(Double(flips) / (105 * 6) - expected.flips) < 0.0006)
    }

    @Test func noiseMatricesAreTheBenchmarks() throws {
        let golden = try GoldenCorruption.read()
        for (client, expected) in golden.matrices {
            let matrix = FaithfulCorruption.noiseMatrix(
                client: try #require(UInt32(client)), classes: 6, rate: 0.3, sparsity: 0.4)
            #expect(zip(matrix, expected.flatMap { $0 }).allSatisfy { abs($0 - $1) < 1e-9 })
            #expect(matrix.count == 36)
        }
        #expect(
            FaithfulCorruption.classMap(client: 7, classes: 51, rate: 0.4, sparsity: 0.4) == golden.classMap51)
        var zeros = 0
        for client in Self.clients {
            zeros += FaithfulCorruption.noiseMatrix(client: client, classes: 6, rate: 0.3, sparsity: 0.4)
                .count { $0 == 0 }
        }
        #expect(abs(Double(zeros) / (105 * 30) - 0.335) < 0.001, "draws with replacement zero a third, not 40 %")
    }

    @Test func everySizeHasAnOutcome() throws {
        // Far beyond what the benchmark's own code survives: no free cell left, rows without targets, large seeds.
        for classes in 1...9 {
            for client in [0, 1, 2, .max - 1, .max] as [UInt32] {
                for sparsity in [0, 0.4, 1] {
                    let map = FaithfulCorruption.classMap(
                        client: client, classes: classes, rate: 0.9, sparsity: sparsity)
                    #expect(map.count == classes && map.allSatisfy { (0..<classes).contains($0) })
                }
            }
        }
        // At position 0 the modalities share one draw.
        #expect(
            try outcome(0, missingModality: 0.46, modalities: 4).absence == .client([true, true, true, true]))
    }

    @Test func theSeedPlaysNoPart() throws {
        let labels = Array(0..<6)
        for seed in [1, 2] as [UInt64] {
            let outcome = try outcome(
                4, missingModality: 0.3, missingLabels: 0.2, erroneousLabels: 0.4, labels: labels, seed: seed)
            #expect(outcome.isSkipped)
            #expect(outcome.missingCounts == [6, 6])
        }
    }
}

@Suite(.enabled(if: RealData.uciHAR != nil, "TRIBUTARY_DATA does not name a folder that holds uci-har"))
struct RealFaithfulCorruptionTests {
    /// The benchmark's partition with alpha 5.0, against the same counts by NumPy.
    @Test func countsOverAFederation() throws {
        let root = try #require(RealData.uciHAR)
        let labels = try String(contentsOfFile: "\(root)/train/y_train.txt", encoding: .utf8)
            .split(whereSeparator: \.isNewline).map { try #require(Int($0)) - 1 }
        let partition = try JSONDecoder().decode(
            [String: [Int]].self, from: Data(contentsOf: URL(fileURLWithPath: "\(root)/partition_alpha50.json")))
        let names = partition.keys.filter { $0 != "dev" }.sorted {
            $0.compare($1, options: .numeric) == .orderedAscending
        }
        #expect(names.count == 105)
        let clients = try zip(FaithfulCorruptionTests.clients, names).map { index, name in
            CorruptionSummary.Source(name: name, index: index, labels: try #require(partition[name]).map { labels[$0] })
        }
        let golden = try GoldenCorruption.read().alpha50
        for rate in FaithfulCorruptionTests.rates {
            let summary = try CorruptionSummary.describe(
                clients, CorruptionDescription(mode: .faithful, erroneousLabels: .constant(rate)), seed: 1, classes: 6,
                modalities: ["acc", "gyro"])
            #expect(summary.changedLabels == golden.flipped["\(rate)"])
            #expect(summary.kept == 5890)
        }
        let summary = try CorruptionSummary.describe(
            clients,
            CorruptionDescription(mode: .faithful, missingModality: .constant(0.3), missingLabels: .constant(0.2)),
            seed: 1, classes: 6, modalities: ["acc", "gyro"])
        #expect(summary.clients.filter(\.isSkipped).map(\.index) == golden.skipped)
        #expect(summary.kept == golden.kept)
    }
}
