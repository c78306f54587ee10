import Foundation
import Testing
import Weights

@testable import Aggregation

/// Every rule against NumPy: Golden/make_golden.py.
@Suite("Rules against NumPy")
struct RuleGoldenTests {
    struct Golden: Decodable {
        var updates: [[Double]]
        var examples: [Int]
        var losses: [Double]
        var history: [Double]
        var results: [String: [Double]]
    }

    static func golden() throws -> Golden {
        let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Golden")
        return try JSONDecoder().decode(
            Golden.self, from: Data(contentsOf: folder.appendingPathComponent("rules.json")))
    }

    static func client(_ index: Int) -> String { "client-\(String(UnicodeScalar(UInt8(97 + index))))" }

    /// The round's update under a rule: what zeros become, in the order of names.
    static func update(
        _ pipeline: AggregationPipeline, golden: Golden, clients: Int? = nil, block: Int = 50, workers: Int = 2,
        hasHistory: Bool = false
    ) throws -> (values: [Double], report: AggregationReport) {
        let sizes = [("b", 70), ("w", 137)]
        func tensors(_ row: [Double], _ prefix: String = "") -> [(name: String, shape: [Int], values: [Float])] {
            var start = 0
            return sizes.map { name, size in
                defer { start += size }
                return (name: prefix + name, shape: [size], values: row[start..<(start + size)].map { Float($0) })
            }
        }
        let zeros = [Double](repeating: 0, count: 207)
        var global = tensors(zeros)
        if hasHistory { global += tensors(golden.history, "aux.server.c.") }
        let start = try Weights(global)
        let sources = try golden.updates.prefix(clients ?? golden.updates.count).enumerated().map { index, row in
            MemoryUpdateSource(
                clientID: client(index), examples: golden.examples[index], loss: golden.losses[index],
                update: try Weights(tensors(row) + (hasHistory ? tensors(zeros, "aux.server.c.") : [])))
        }
        let fold = try AggregationStrategies.make(
            .weightedMean, pipeline: pipeline, blockElements: block, driver: BlockDriver(workers: workers))
        var bytes: [UInt8] = []
        let report = try fold.aggregate(
            global: start, updates: sources.reversed(), sink: { bytes.append(contentsOf: $0) })
        let next = try Safetensors.decode(bytes)
        if hasHistory {
            // What the next round will look at is this round's update.
            #expect(try next.floats("aux.server.c.w") == next.floats("w"))
        }
        return (try (next.floats("b") + next.floats("w")).map { Double($0) }, report)
    }

    static let rules: [(String, any UpdateRule)] = [
        ("mean", WeightedMean()), ("uniform-mean", UniformMean()), ("q-fedavg", FairMean(q: 1.5, learningRate: 0.1)),
        ("median", CoordinateMedian()), ("trimmed-mean", TrimmedMean(trim: 0.2)), ("krum", Krum(byzantine: 2)),
        ("multi-krum", MultiKrum(byzantine: 3)), ("bulyan", Bulyan(byzantine: 2)),
        ("geometric-median", GeometricMedian(iterations: 8)),
        ("centred-clipping", CentredClipping(radius: 1.5, iterations: 3)),
        ("foolsgold", FoolsGold()), ("fltrust", TrustedReference(trusted: client(1))),
        ("norm-bounded-mean", BoundedMean(bound: 1.2)), ("sign-majority", SignMajority(step: 0.01)),
    ]

    @Test("gives NumPy's numbers", arguments: rules.indices)
    func values(index: Int) throws {
        let golden = try Self.golden()
        let (name, rule) = Self.rules[index]
        let found = try Self.update(
            AggregationPipeline(rule: rule), golden: golden, hasHistory: rule.needsHistory
        ).values
        let expected = try #require(golden.results[name])
        let scale = expected.map(abs).max() ?? 0
        #expect(scale > 0)
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 2e-7 * scale }, "\(name)")
    }

    @Test("the median of an even number is the mean of the two in the middle")
    func evenMedian() throws {
        let golden = try Self.golden()
        let found = try Self.update(AggregationPipeline(rule: CoordinateMedian()), golden: golden, clients: 10).values
        let expected = try #require(golden.results["median of ten"])
        #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-7 })
    }

    @Test("neither order, blocks nor threads change a bit", arguments: rules.indices)
    func invariance(index: Int) throws {
        let golden = try Self.golden()
        let rule = Self.rules[index].1
        let pipeline = AggregationPipeline(rule: rule, clipNorm: 1.3, minimumCosine: -0.96)
        func values(_ block: Int, _ workers: Int) throws -> [Double] {
            try Self.update(
                pipeline, golden: golden, block: block, workers: workers, hasHistory: rule.needsHistory
            ).values
        }
        let expected = try values(4096, 1)
        #expect(try values(7, 3) == expected)
        #expect(try values(64, 2) == expected)
    }
}
