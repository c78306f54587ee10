import Datasets
import Layers
import ModelZoo
import Tensors
import Testing

/// What lengths mean by default: an example's valid steps and nothing else.
@Suite struct FusionModelLengthTests {
    private static let inputs: [FusionModel.Input] = [
        .init(name: "audio", encoder: .convolution, features: 4), .init(name: "text", encoder: .recurrent, features: 3),
        .init(name: "img", encoder: .projection, features: 5),
    ]

    private func model(_ fusion: FusionModel.Fusion, faithful: Bool = false) throws -> FusionModel {
        let model = try FusionModel(
            .init(.mmaction, fusion: fusion, inputs: Self.inputs, classes: 3, hidden: 8, faithful: faithful),
            Initializer(seed: 4))
        try Golden.fill(model, hidden: 8)
        return model
    }

    private func batch(_ count: Int, steps: (Int, Int) = (24, 6), lengths: [[Int]?]? = nil) throws -> ModelBatch {
        let shapes = [[count, steps.0, 4], [count, steps.1, 3], [count, 5]]
        return ModelBatch(
            inputs: try shapes.enumerated().map { try Tensor(Golden.input($0.offset, $0.element), shape: $0.element) },
            lengths: lengths, labels: try Tensor(Golden.labels(count: count, classes: 3)))
    }

    /// Logits and all gradients, as numbers that must agree to the bit.
    private func pass(_ model: FusionModel, _ batch: ModelBatch) throws -> [[UInt32]] {
        try model.zeroGradients()
        let logits = try model.logits(batch, .training(seed: 2))
        try logits.crossEntropy(#require(batch.labels)).backward()
        return try ([logits] + model.parameters().compactMap(\.tensor.gradient)).map { tensor in
            try tensor.floats().map(\.bitPattern)
        }
    }

    @Test(arguments: FusionModel.Fusion.allCases, [false, true])
    func fullLengthsAreNoLengths(fusion: FusionModel.Fusion, faithful: Bool) throws {
        let model = try model(fusion, faithful: faithful)
        let full = try pass(model, batch(2, lengths: [[24, 24], [6, 6], [5, 5]]))
        #expect(try full == pass(model, batch(2)))
        #expect(try full != pass(model, batch(2, lengths: [[24, 16], [6, 6], [5, 5]])))
    }

    @Test(arguments: FusionModel.Fusion.allCases)
    func anAbsentModalityAddsNothingWhateverItsValues(fusion: FusionModel.Fusion) throws {
        let model = try model(fusion)
        for modality in 0..<3 {
            var lengths = [[24, 24], [6, 6], [1, 1]]
            lengths[modality][1] = 0
            let whole = try batch(2, lengths: lengths)
            let expected = try pass(model, whole)
            let present = try pass(model, batch(2))
            #expect(expected != present)
            for poison in [Float.nan, .infinity, -3e38] {
                var changed = whole
                var values = try whole.inputs[modality].floats()
                for position in values.count / 2..<values.count { values[position] = poison }
                changed.inputs[modality] = try Tensor(values, shape: whole.inputs[modality].shape)
                #expect(try pass(model, changed) == expected, "\(Self.inputs[modality].name) \(poison)")
            }
        }
    }

    @Test(arguments: FusionModel.Fusion.allCases)
    func withoutAnyModalityTheEmbeddingIsZero(fusion: FusionModel.Fusion) throws {
        let model = try model(fusion)
        for lengths in [[[24, 0], [6, 0], [1, 0]], [[0, 0], [0, 0], [0, 0]], [[7, 7], [0, 0], [0, 0]]] {
            let batch = try batch(2, lengths: lengths)
            let output = try model.output(batch, .evaluation())
            let width = output.embedding.shape[1]
            let embedding = try output.embedding.floats()
            #expect(embedding[width...].allSatisfy { $0 == 0 })
            #expect(embedding[..<width].allSatisfy { $0 == 0 } == (lengths[1][0] == 0))
            #expect(try output.logits.floats().allSatisfy(\.isFinite))
            #expect(try pass(model, batch).joined().allSatisfy { Float(bitPattern: $0).isFinite })
        }
    }

    /// In a batch an example gives what it gives alone, however much padding follows it.
    @Test(arguments: FusionModel.Fusion.allCases)
    func paddingChangesNothing(fusion: FusionModel.Fusion) throws {
        let model = try model(fusion)
        let lengths = [[24, 9, 17, 0, 13], [2, 6, 1, 4, 0], [1, 0, 1, 1, 1]]
        let whole = try batch(5, lengths: lengths)
        let together = try model.logits(whole, .evaluation()).floats()
        for example in 0..<5 {
            let alone = ModelBatch(
                inputs: try whole.inputs.enumerated().map { index, input in
                    let row = try input.slice(axis: 0, start: example, end: example + 1)
                    let steps = max(lengths[index][example], index == 0 ? 8 : 1)
                    return index == 2 ? row : try row.slice(axis: 1, end: steps)
                },
                lengths: lengths.map { [$0[example]] })
            expectClose(
                try model.logits(alone, .evaluation()).floats(), Array(together[3 * example..<3 * example + 3]), 1e-6,
                "example \(example)")
        }
    }

    /// The benchmark's own way keeps what the default leaves out.
    @Test func faithfulKeepsTheBenchmarksQuirks() throws {
        let lengths = [[0, 0], [6, 6], [1, 1]]
        let plain = try model(.concat)
        let faithful = try model(.concat, faithful: true)
        let found = try faithful.output(batch(2, lengths: lengths), .evaluation()).embedding.floats()
        let absent = try plain.output(batch(2, lengths: lengths), .evaluation()).embedding.floats()
        #expect(absent[..<8].allSatisfy { $0 == 0 })
        #expect(found[..<8].contains { $0 != 0 })
        expectClose(Array(found[8..<24]), Array(absent[8..<24]), 1e-6)

        let mixed = try batch(2, lengths: [[24, 0], [6, 6], [1, 1]])
        let error = try #require(throws: TensorError.self) { try faithful.logits(mixed, .evaluation()) }
        #expect("\(error)".contains("modality 'audio': example 1 of the batch has no step"))
        #expect(try plain.logits(mixed, .evaluation()).floats().allSatisfy(\.isFinite))
    }

    /// Lengths come with the data: what lies after them in a data set does not reach the scores.
    @Test(arguments: FusionModel.Fusion.allCases)
    func lengthsComeWithTheData(fusion: FusionModel.Fusion) throws {
        let model = try model(fusion)
        func logits(_ filler: Float) throws -> [Float] {
            var values = try batch(2).inputs.map { try $0.floats() }
            for position in 96 + 40..<192 { values[0][position] = filler }
            for position in 0..<18 { values[1][position] = filler }
            let data = try MultimodalDataset(
                name: "d", classes: ["a", "b", "c"],
                modalities: [
                    Modality(name: "audio", shape: [24, 4], hasLengths: true),
                    Modality(name: "text", shape: [6, 3], hasLengths: true), Modality(name: "image", shape: [5]),
                ],
                values: values, labels: [0, 1], lengths: [[24, 10], [0, 6], nil])
            return try model.logits(ModelBatch(data.all.selecting([1, 0])), .evaluation()).floats()
        }
        let found = try logits(0)
        #expect(found.allSatisfy { $0.isFinite })
        #expect(try logits(1e6) == found)
        let plain = try batch(2, lengths: [[24, 10], [0, 6], nil])
        let expected = try model.logits(plain, .evaluation()).floats()
        expectClose(found, Array(expected[3...] + expected[..<3]), 1e-6)
    }
}
