import Testing
import Weights

@testable import Aggregation

@Suite("Aggregation pipeline")
struct PipelineTests {
    private func fold(
        _ rows: [[Float]], _ pipeline: AggregationPipeline, global: [Float]? = nil, server: ServerRule = .weightedMean
    ) throws -> (values: [Float], report: AggregationReport) {
        let start = try Weights([
            (name: "w", shape: [rows[0].count], values: global ?? rows[0].map { _ in 0 })
        ])
        let updates = try rows.enumerated().map { index, row in
            MemoryUpdateSource(
                clientID: "c\(index)", examples: 1, update: try Weights([(name: "w", shape: [row.count], values: row)]))
        }
        var bytes: [UInt8] = []
        let report = try AggregationStrategies.make(server, pipeline: pipeline)
            .aggregate(global: start, updates: updates, sink: { bytes.append(contentsOf: $0) })
        return (try Safetensors.decode(bytes).floats("w"), report)
    }

    private func random(_ count: Int, _ size: Int, seed: UInt64) -> [[Float]] {
        var generator = TestGenerator(state: seed)
        return (0..<count).map { _ in (0..<size).map { _ in generator.float() } }
    }

    private func expectClose(_ left: [Float], _ right: [Float], _ tolerance: Float = 1e-5, _ name: String = "") {
        #expect(left.count == right.count)
        #expect(zip(left, right).allSatisfy { abs($0 - $1) <= tolerance }, "\(name)")
    }

    /// Rules whose result moves with all updates: f(Δ + t) = f(Δ) + t.
    private static let equivariant: [any UpdateRule] = [
        WeightedMean(), UniformMean(), CoordinateMedian(), TrimmedMean(trim: 0.2), Krum(byzantine: 1),
        MultiKrum(byzantine: 1), Bulyan(byzantine: 1), GeometricMedian(),
    ]

    @Test("moves with the updates", arguments: equivariant.indices)
    func translation(index: Int) throws {
        let rows = random(9, 83, seed: 3)
        let shift = random(1, 83, seed: 4)[0]
        let pipeline = AggregationPipeline(rule: Self.equivariant[index])
        let plain = try fold(rows, pipeline).values
        let moved = try fold(rows.map { zip($0, shift).map { $0 + $1 } }, pipeline).values
        expectClose(moved, zip(plain, shift).map { $0 + $1 }, 2e-6, pipeline.rule.name)
    }

    private static let symmetric: [any UpdateRule] =
        equivariant + [FoolsGold(), BoundedMean(bound: 2), SignMajority(step: 0.5)]

    @Test("does not depend on who sent which update", arguments: symmetric.indices)
    func permutation(index: Int) throws {
        let rows = random(9, 83, seed: 5)
        var generator = TestGenerator(state: 6)
        let pipeline = AggregationPipeline(rule: Self.symmetric[index])
        let expected = try fold(rows, pipeline).values
        expectClose(try fold(rows.shuffled(using: &generator), pipeline).values, expected, 2e-6, pipeline.rule.name)
    }

    private static let robust: [any UpdateRule] = [
        CoordinateMedian(), TrimmedMean(trim: 0.3), Krum(byzantine: 2), MultiKrum(byzantine: 2), Bulyan(byzantine: 2),
        GeometricMedian(iterations: 200), SignMajority(step: 0.1), CentredClippingWithoutHistory(),
    ]

    /// Centred clipping around zero, to run it without the tensors of a job.
    private struct CentredClippingWithoutHistory: UpdateRule {
        let name = "centred-clipping"
        let minimumUpdates = 3
        let evidence = Evidence.products
        func tolerated(among updates: Int) -> Int { (updates - 1) / 2 }
        func combination(of updates: UpdateEvidence) throws -> Combination {
            var products = ProductMatrix(count: updates.count + 1)
            for row in 0..<updates.count {
                for column in 0...row { products[row, column] = updates.products[row, column] }
            }
            let whole = UpdateEvidence(
                clients: updates.clients, examples: updates.examples, losses: updates.losses, products: products)
            guard case .linear(let weights, _) = CentredClipping(radius: 1).combination(of: whole) else {
                return .signs(step: 0)
            }
            return .linear(weights)
        }
    }

    @Test("stays near the honest updates as far as it declares", arguments: robust.indices)
    func breakdown(index: Int) throws {
        let rule = Self.robust[index]
        var rows = random(11, 40, seed: 7).map { $0.map { 1 + $0 / 10 } }
        let hostile = rule.tolerated(among: 11)
        #expect(hostile >= 2)
        for place in 0..<hostile { rows[place] = rows[place].map { _ in -1e6 * Float(place + 1) } }
        let found = try fold(rows, AggregationPipeline(rule: rule)).values
        #expect(found.allSatisfy { abs($0) < 3 }, "\(rule.name): \(found.prefix(3))")
    }

    @Test("too few updates are refused", arguments: equivariant.indices)
    func minimum(index: Int) throws {
        let rule = Self.equivariant[index]
        let enough = max(1, rule.minimumUpdates)
        _ = try fold(random(enough, 5, seed: 1), AggregationPipeline(rule: rule))
        if enough > 1 {
            expect(.tooFewUpdates) {
                _ = try fold(random(enough - 1, 5, seed: 1), AggregationPipeline(rule: rule))
            }
        }
    }

    @Test("NaN and infinity are refused with the client's name", arguments: symmetric.indices, [Float.nan, .infinity])
    func notFinite(index: Int, value: Float) throws {
        var rows = random(9, 83, seed: 8)
        rows[4][81] = value
        let message = expect(.notFinite) {
            _ = try fold(rows, AggregationPipeline(rule: Self.symmetric[index]))
        }
        #expect(message.contains("'c4'"))
    }

    @Test("threads change no bit of a rule", arguments: [0, 1, 2, 3])
    func threads(index: Int) throws {
        let rules: [any UpdateRule] = [
            CoordinateMedian(), GeometricMedian(), BoundedMean(bound: 100), Bulyan(byzantine: 0),
        ]
        let rows = random(4, 270_001, seed: 9)
        let global = try Weights([(name: "w", shape: [270_001], values: rows[0])])
        let updates = try rows.enumerated().map { index, row in
            MemoryUpdateSource(
                clientID: "c\(index)", examples: 1, update: try Weights([(name: "w", shape: [row.count], values: row)]))
        }
        let found = try [1, 2, 5].map { workers in
            try AggregationStrategies.make(
                .weightedMean, pipeline: AggregationPipeline(rule: rules[index]),
                driver: BlockDriver(workers: workers)
            ).aggregate(global: global, updates: updates).digest()
        }
        #expect(Set(found).count == 1)
    }

    @Test("clipping scales long updates and leaves short ones")
    func clipping() throws {
        let pipeline = AggregationPipeline(rule: UniformMean(), clipNorm: 5)
        let (values, report) = try fold([[30, 40], [1, 1]], pipeline)
        #expect(values == [2, 2.5])
        #expect(report.contributions.map(\.weight) == [0.05, 0.5])
        #expect(
            try fold([[30, 40], [1, 1], [2, 2]], AggregationPipeline(rule: CoordinateMedian(), clipNorm: 5)).values == [
                2, 2,
            ])
    }

    @Test("gates leave out what points or lies elsewhere, and say so")
    func gates() throws {
        let rows: [[Float]] = [[1, 0.1], [1, -0.1], [1, 0], [-3, 0], [1.1, 0]]
        var (values, report) = try fold(rows, AggregationPipeline(rule: UniformMean(), minimumCosine: 0))
        expectClose(values, [1.025, 0])
        #expect(report.leftOut.map(\.clientID) == ["c3"])
        #expect(report.leftOut[0].reason.contains("cosine -1"))
        #expect(report.contributions[3].weight == 0)
        (values, report) = try fold(rows, AggregationPipeline(rule: UniformMean(), maximumDistance: 10))
        expectClose(values, [1.025, 0])
        #expect(report.leftOut.map(\.clientID) == ["c3"])
        expect(.tooFewUpdates) {
            _ = try fold(rows, AggregationPipeline(rule: Bulyan(byzantine: 0), minimumCosine: 0.9999))
        }
    }

    @Test("the average keeps part of the old weights")
    func movingAverage() throws {
        let pipeline = AggregationPipeline(ema: 0.75)
        #expect(try fold([[4, 8]], pipeline, global: [1, 1]).values == [2, 3])
    }

    @Test("the trusted client must be there, and losses must be known")
    func missing() throws {
        expect(.missingReference) {
            _ = try fold([[1]], AggregationPipeline(rule: TrustedReference(trusted: "nobody")))
        }
        expect(.invalidRule) {
            _ = try fold([[1]], AggregationPipeline(rule: FairMean(q: 1, learningRate: 0.1)))
        }
    }
}
