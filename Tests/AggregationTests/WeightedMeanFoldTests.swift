import TestSupport
import Testing
import Weights

@testable import Aggregation

@Suite("Weighted mean")
struct WeightedMeanFoldTests {
    /// The definition, element by element, with no regard to memory.
    private func reference(
        _ global: Weights,
        _ updates: [MemoryUpdateSource],
        _ rules: TensorRules = .defaults
    ) throws -> Weights {
        let sorted = updates.sorted { Array($0.clientID.utf8).lexicographicallyPrecedes(Array($1.clientID.utf8)) }
        let total = Double(sorted.map(\.examples).reduce(0, +))
        var result = global
        for spec in global.schema.tensors {
            switch rules.rule(for: spec) {
            case .kept: continue
            case .latest where !spec.dtype.isFloat:
                let bytes = try #require(sorted.last?.update[spec.name]).bytes
                try result.withUnsafeMutableBytes(of: spec.name) { $0.copyBytes(from: bytes) }
            case .latest, .averaged:
                let isLatest = rules.rule(for: spec) == .latest
                let parts = isLatest ? Array(sorted.suffix(1)) : sorted
                let deltas = try parts.map { try $0.update.floats(spec.name).map(Double.init) }
                let old = try doubles(global, spec)
                var new: [Double] = []
                for index in 0..<spec.elementCount {
                    var sum = 0.0
                    for (part, delta) in zip(parts, deltas) {
                        sum += (isLatest ? 1 : Double(part.examples) / total) * delta[index]
                    }
                    new.append(old[index] + sum)
                }
                try result.withUnsafeMutableBytes(of: spec.name) { bytes in
                    new.withUnsafeBufferPointer { FloatConversion.store($0, as: spec.dtype, into: bytes) }
                }
            }
        }
        return result
    }

    private func doubles(_ weights: Weights, _ spec: TensorSpec) throws -> [Double] {
        var values = [Double](repeating: 0, count: spec.elementCount)
        try weights.withUnsafeBytes(of: spec.name) { bytes in
            values.withUnsafeMutableBufferPointer { FloatConversion.doubles(from: bytes, as: spec.dtype, into: $0) }
        }
        return values
    }

    static let rules = [
        TensorRules(), TensorRules(["steps": .latest, "mask": .latest, "half": .latest]),
        TensorRules(["conv.bias": .kept, "double": .kept, "mask": .latest]),
    ]

    @Test("equals the definition bit for bit", arguments: [1, 2, 3, 9], rules)
    func definition(clients: Int, rules: TensorRules) throws {
        let (global, updates) = try Fixtures.round(seed: UInt64(clients), clients: clients)
        let folded = try AggregationStrategies.make(.weightedMean, blockElements: 16).aggregate(
            global: global, updates: updates, rules: rules)
        #expect(folded == (try reference(global, updates, rules)))
    }

    @Test("neither arrival order nor block size changes a bit", arguments: rules)
    func invariance(rules: TensorRules) throws {
        let (global, updates) = try Fixtures.round(seed: 99, clients: 8)
        let expected = try AggregationStrategies.make(.weightedMean).aggregate(
            global: global, updates: updates, rules: rules
        ).digest()
        var generator = TestGenerator(state: 4)
        for block in [1, 2, 3, 5, 7, 16, 31, 32, 33, 64, 91, 1_000] {
            let shuffled = updates.shuffled(using: &generator)
            let folded = try AggregationStrategies.make(.weightedMean, blockElements: block)
                .aggregate(global: global, updates: shuffled, rules: rules)
            #expect(folded.digest() == expected, "block \(block)")
        }
    }

    @Test("threads change no bit, and a failure in one of them names the client")
    func threads() throws {
        let schema = try WeightsSchema([
            TensorSpec(name: "large", dtype: .f32, shape: [300_001]),
            TensorSpec(name: "half", dtype: .f16, shape: [9000]),
        ])
        var generator = TestGenerator(state: 12)
        let global = try Fixtures.random(schema, &generator)
        var updates = try ["b", "c", "a", "e", "d", "f"].map {
            MemoryUpdateSource(
                clientID: $0, examples: Int.random(in: 1...99, using: &generator),
                update: try Fixtures.random(schema.updateSchema(), &generator))
        }
        func fold(_ workers: Int) throws -> String {
            let strategy = try AggregationStrategies.make(
                .weightedMean, blockElements: 5000, driver: BlockDriver(workers: workers))
            return try strategy.aggregate(global: global, updates: updates).digest()
        }
        let expected = try reference(global, updates).digest()
        #expect(try fold(1) == expected)
        #expect(try fold(2) == expected)
        #expect(try fold(7) == expected)
        var bad = updates[1].update
        try bad.withMutableFloats("large") { $0[250_000] = .nan }
        updates[1] = MemoryUpdateSource(clientID: "culprit", examples: 1, update: bad)
        #expect(expect(.notFinite) { _ = try fold(3) }.contains("'culprit'"))
    }

    @Test("one client with weight 1 gives global plus update, equal updates give themselves")
    func identities() throws {
        let global = try Weights([(name: "a", shape: [3], values: [1, 2, 3])])
        let update = try Weights([(name: "a", shape: [3], values: [0.5, -2, 0])])
        let one = [MemoryUpdateSource(clientID: "x", examples: 17, update: update)]
        #expect(
            try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: one).floats("a") == [
                1.5, 0, 3,
            ])
        let two = [
            MemoryUpdateSource(clientID: "x", examples: 1, update: update),
            MemoryUpdateSource(clientID: "y", examples: 3, update: Weights(zeros: update.schema)),
        ]
        #expect(
            try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: two).floats("a") == [
                1.125, 1.5, 3,
            ])
    }

    @Test("the sink gets the canonical file in order, and progress comes after each block")
    func stream() throws {
        let (global, updates) = try Fixtures.round(seed: 5, clients: 3)
        var bytes: [UInt8] = []
        var steps: [AggregationProgress] = []
        let report = try AggregationStrategies.make(.weightedMean, blockElements: 10).aggregate(
            global: global, updates: updates, rules: .defaults, progress: { steps.append($0) },
            sink: { bytes.append(contentsOf: $0) }
        )
        let folded = try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: updates)
        #expect(bytes == Safetensors.encode(folded))
        #expect(steps.map(\.bytesDone) == steps.map(\.bytesDone).sorted())
        #expect(steps.last?.bytesDone == global.schema.byteCount)
        #expect(steps.first?.isPastHalf == false)
        #expect(steps.last?.isPastHalf == true)
        #expect(report.examples == updates.map(\.examples).reduce(0, +))
        let ids = report.contributions.map { Array($0.clientID.utf8) }
        #expect(ids == ids.sorted { $0.lexicographicallyPrecedes($1) })
        #expect(abs(report.contributions.map(\.weight).reduce(0, +) - 1) < 1e-12)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            _ = try AggregationStrategies.make(.weightedMean, blockElements: 10).aggregate(
                global: global, updates: updates, rules: .defaults,
                progress: { if $0.isPastHalf { throw Stop() } }, sink: { _ in }
            )
        }
    }

    @Test("files give the same bits as memory, in whatever order their tensors lie")
    func files() throws {
        let (global, updates) = try Fixtures.round(seed: 6, clients: 4)
        let expected = try global.schema.updateSchema()
        let folder = try TemporaryFolder()
        let sources = try updates.enumerated().map { index, update in
            let path = folder.file("\(index)")
            try Safetensors.write(update.update, metadata: ["index": "\(index)"], to: path)
            if index == 0 { try folder.write(reversed(update.update), to: "0") }
            return try FileUpdateSource(
                path: path, clientID: update.clientID, examples: update.examples, expected: expected)
        }
        try Safetensors.write(global, to: folder.file("global"))
        let fromFiles = try AggregationStrategies.make(.weightedMean, blockElements: 20)
            .aggregate(global: SafetensorsFile(path: folder.file("global")), updates: sources)
        #expect(
            fromFiles == (try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: updates)))
    }

    /// A file with the tensors in the reverse of the canonical order.
    private func reversed(_ weights: Weights) -> [UInt8] {
        var entries: [String] = []
        var data: [UInt8] = []
        for tensor in weights.tensors.reversed() {
            let (begin, end) = (data.count, data.count + tensor.spec.byteCount)
            let shape = tensor.spec.shape.map(String.init).joined(separator: ",")
            entries.append(
                #""\#(tensor.spec.name)":{"dtype":"\#(tensor.spec.dtype.rawValue)","shape":[\#(shape)],"#
                    + #""data_offsets":[\#(begin),\#(end)]}"#)
            data += tensor.bytes
        }
        let header = Array("{\(entries.joined(separator: ","))}".utf8)
        return withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header + data
    }

    @Test("what cannot be folded is refused with the client's name")
    func refused() throws {
        let (global, updates) = try Fixtures.round(seed: 7, clients: 2)
        let fold = try AggregationStrategies.make(.weightedMean)
        func folding(_ updates: [any UpdateSource], _ rules: TensorRules = .defaults) throws {
            _ = try fold.aggregate(global: global, updates: updates, rules: rules)
        }
        expect(.noUpdates) { try folding([]) }
        expect(.duplicateClient) { try folding([updates[0], updates[0]]) }
        for examples in [0, -1, (1 << 53) + 1, .max] {
            let bad = MemoryUpdateSource(clientID: "bad", examples: examples, update: updates[0].update)
            let message = expect(.invalidExamples) { try folding(updates + [bad]) }
            #expect(message.contains("'bad'") || message.contains("'site"))
        }
        expect(.invalidRule) { try folding(updates, TensorRules(["steps": .averaged])) }
        expect(.invalidRule) { try folding(updates, TensorRules(["none": .kept])) }
        for (code, change) in changes {
            let schema = try WeightsSchema(change(updates[0].schema.tensors))
            let bad = MemoryUpdateSource(clientID: "bad", examples: 1, update: Weights(zeros: schema))
            #expect(expect(code) { try folding(updates + [bad]) }.contains("'bad'"))
        }
    }

    private var changes: [(AggregationError.Code, ([TensorSpec]) throws -> [TensorSpec])] {
        [
            (.missingTensor, { Array($0.dropFirst()) }),
            (.unexpectedTensor, { $0 + [try TensorSpec(name: "more", dtype: .u8, shape: [])] }),
            (.shapeMismatch, { try $0.map { try TensorSpec(name: $0.name, dtype: $0.dtype, shape: $0.shape + [1]) } }),
            (.dtypeMismatch, { try $0.map { try TensorSpec(name: $0.name, dtype: .u8, shape: $0.shape) } }),
        ]
    }

    @Test("NaN, infinity and overflow never reach the global weights", arguments: [Float.nan, .infinity, -.infinity])
    func notFinite(value: Float) throws {
        var (global, updates) = try Fixtures.round(seed: 8, clients: 3)
        var bad = updates[1].update
        try bad.withMutableFloats("conv.bias") { $0[63] = value }
        updates[1] = MemoryUpdateSource(clientID: "culprit", examples: 1, update: bad)
        let message = expect(.notFinite) {
            _ = try AggregationStrategies.make(.weightedMean, blockElements: 10).aggregate(
                global: global, updates: updates)
        }
        #expect(message.contains("'culprit'") && message.contains("'conv.bias'"))
        global = try Weights([(name: "a", shape: [1], values: [.greatestFiniteMagnitude])])
        let large = MemoryUpdateSource(clientID: "large", examples: 1, update: global)
        #expect(
            expect(.notFinite) {
                _ = try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: [large])
            }.contains(
                "new values"))
    }

    @Test("an update file that shrinks is an error that names the client")
    func unreadable() throws {
        let (global, updates) = try Fixtures.round(seed: 9, clients: 1)
        let folder = try TemporaryFolder()
        let bytes = Safetensors.encode(updates[0].update)
        let path = try folder.write(bytes, to: "u")
        let expected = try global.schema.updateSchema()
        let source = try FileUpdateSource(path: path, clientID: "x", examples: 1, expected: expected)
        try truncate(path, to: bytes.count - 100)
        #expect(
            expect(.unreadable) {
                _ = try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: [source])
            }.contains(
                "'x'"))
        expect(.invalidHeader) { _ = try FileUpdateSource(path: path, clientID: "x", examples: 1, expected: expected) }
        expect(.invalidHeader) {
            _ = try FileUpdateSource(path: folder.file("none"), clientID: "x", examples: 1, expected: expected)
        }
        try Safetensors.write(Weights([(name: "zz", shape: [], values: [1])]), to: folder.file("other"))
        expect(.missingTensor) {
            _ = try FileUpdateSource(path: folder.file("other"), clientID: "x", examples: 1, expected: expected)
        }
    }
}
