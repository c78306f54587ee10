import Layers
import ModelZoo
import Tensors
import Testing
import Weights

/// Every family against PyTorch.
@Suite struct FusionModelGoldenTests {
    private func activity() throws -> ModelBatch {
        ModelBatch(
            inputs: try ["acc", "gyro"].map { try Tensor(Golden.input($0, [4, 128, 3]), shape: [4, 128, 3]) },
            labels: try Tensor(Golden.labels(count: 4, classes: 6)))
    }

    @Test(arguments: FusionModel.Fusion.allCases)
    func theActivityModelTrainsLikePyTorch(fusion: FusionModel.Fusion) throws {
        let golden = try Golden("har-\(fusion.rawValue)")
        let model = try FusionModel(.init(.har, fusion: fusion), Initializer(seed: 0))
        try Golden.fill(model, hidden: 128)
        let batch = try activity()
        let logits = try model.logits(batch, .evaluation())
        expectClose(try logits.floats(), try golden.floats("logits"), 1e-5, "logits")
        let loss = try logits.crossEntropy(#require(batch.labels))
        expectClose([Float(try loss.item())], try golden.floats("loss"), 1e-5, "loss")

        try loss.backward()
        let optimiser = try SGD(
            model.parameters().map(\.tensor),
            .init(learningRate: 0.05, momentum: 0.9, weightDecay: 1e-5, clipNorm: 10))
        for (name, tensor) in model.parameters() {
            guard golden.has("gradient.\(name)") else {
                #expect(tensor.gradient == nil, "\(name)")
                #expect(name.hasPrefix("acc_proj") || name.hasPrefix("gyro_proj"))
                continue
            }
            let gradient = try #require(tensor.gradient).floats()
            if name == "fuse_att.att_fc2.bias" {
                // Zero in exact arithmetic: the softmax over time does not see a shift. What is left is rounding.
                #expect(gradient.allSatisfy { abs($0) < 1e-8 })
                continue
            }
            let positions = try golden.integers("at.\(name)")
            // A few positions of each tensor, and the norm over all.
            expectClose(positions.map { gradient[$0] }, try golden.floats("gradient.\(name)"), 1e-5, name)
            expectClose([norm(gradient)], try golden.floats("norm.\(name)"), 1e-5, "norm of \(name)")
        }
        try optimiser.step()
        for (name, tensor) in model.parameters() where golden.has("stepped.\(name)") {
            let values = try tensor.floats()
            expectClose(
                try golden.integers("at.\(name)").map { values[$0] }, try golden.floats("stepped.\(name)"), 1e-5, name)
        }
        // A second step shows the momentum.
        try optimiser.zeroGradients()
        try model.logits(batch, .evaluation()).crossEntropy(#require(batch.labels)).backward()
        try optimiser.step()
        expectClose(
            try model.logits(batch, .evaluation()).floats(), try golden.floats("logits.after"), 1e-5, "after two steps")
    }

    @Test(arguments: FusionModel.Fusion.allCases)
    func faithfulLengthsMaskTheAttentionOnly(fusion: FusionModel.Fusion) throws {
        let golden = try Golden("har-\(fusion.rawValue)")
        let model = try FusionModel(.init(.har, fusion: fusion, faithful: true), Initializer(seed: 0))
        try Golden.fill(model, hidden: 128)
        var batch = try activity()
        batch.lengths = [[128, 77, 8, 0], [128, 128, 64, 40]]
        expectClose(
            try model.logits(batch, .evaluation()).floats(), try golden.floats("logits.masked"), 1e-5, "masked")
    }

    static let families: [String: (family: FusionModel.Family, inputs: [FusionModel.Input])] = {
        let audio = FusionModel.Input(name: "audio", encoder: .convolution, features: 5)
        let text = FusionModel.Input(name: "text", encoder: .recurrent, features: 6)
        let video = FusionModel.Input(name: "video", encoder: .recurrent, features: 7)
        let image = FusionModel.Input(name: "img", encoder: .projection, features: 9)
        return [
            "ser": (.ser, [audio, text]), "mmaction": (.mmaction, [audio, video]),
            "image-text": (.imageText, [image, text]), "ecg": (.ecg, FusionModel.Family.ecg.inputs),
            "three": (.mmaction, [audio, video, image]), "alone-audio": (.unimodal, [audio]),
            "alone-text": (.unimodal, [text]),
        ]
    }()

    /// `right`: lengths taken by default, against examples computed alone; `padded` and `absent`: the benchmark's way.
    @Test(arguments: families.keys.sorted(), FusionModel.Fusion.allCases)
    func agreesWithPyTorch(name: String, fusion: FusionModel.Fusion) throws {
        let golden = try Golden("families")
        let (family, inputs) = try #require(Self.families[name])
        for kind in ["right", "padded", "absent"] {
            let place = "\(name)/\(fusion.rawValue)/\(kind)"
            let model = try FusionModel(
                .init(
                    family, fusion: fusion, inputs: inputs, classes: 4, hidden: 16, dropout: 0.3,
                    faithful: kind != "right"),
                Initializer(seed: 0))
            try Golden.fill(model, hidden: 16)
            let batch = try batch(inputs, lengths: golden.integers("\(place)/lengths"))
            let logits = try model.logits(batch, .evaluation())
            expectClose(try logits.floats(), try golden.floats("\(place)/logits"), 1e-5, "\(place): logits")
            let loss =
                family == .ecg
                ? try BinaryCrossEntropy.loss(
                    logits,
                    Tensor(Golden.hashed("targets", count: 20).map { $0 > 0 ? 1 : 0 } as [Float], shape: [5, 4]))
                : try logits.crossEntropy(Tensor(Golden.labels(count: 5, classes: 4)))
            expectClose([Float(try loss.item())], try golden.floats("\(place)/loss"), 1e-5, "\(place): loss")
            try loss.backward()
            try checkGradients(model, golden, place)
        }
    }

    /// Inputs as make_golden.py has them, but with values after each example's end that no model may look at.
    private func batch(_ inputs: [FusionModel.Input], lengths flat: [Int]) throws -> ModelBatch {
        let steps: [FusionModel.Encoder: Int] = [.convolution: 67, .recurrent: 11, .projection: 1]
        let lengths = inputs.indices.map { Array(flat[5 * $0..<5 * $0 + 5]) }
        let tensors = try inputs.enumerated().map { index, input in
            let count = try #require(steps[input.encoder])
            var values = Golden.input(index, [5, count, input.features])
            for example in 0..<5 {
                let start = (example * count + lengths[index][example]) * input.features
                for position in start..<(example + 1) * count * input.features { values[position] = .nan }
            }
            return try Tensor(values, shape: [5, count, input.features])
        }
        return ModelBatch(inputs: tensors, lengths: lengths)
    }

    private func checkGradients(_ model: FusionModel, _ golden: Golden, _ place: String) throws {
        let names = model.parameters().map(\.name).sorted()
        let trained = try golden.integers("\(place)/trained").map { names[$0] }
        let norms = Dictionary(uniqueKeysWithValues: zip(trained, try golden.floats("\(place)/norms")))
        for (name, tensor) in model.parameters() {
            guard let expected = norms[name] else {
                // Nothing uses it; or, for PyTorch alone, no example of the batch has its modality.
                let found = try tensor.gradient.map { norm(try $0.floats()) } ?? 0
                #expect(found == 0, "\(place): \(name)")
                continue
            }
            let found = norm(try #require(tensor.gradient, "\(place): \(name)").floats())
            if name.hasSuffix("att_fc2.bias") {
                #expect(found < 1e-7, "\(place): \(name)")
            } else {
                expectClose([found], [expected], 1e-5, "\(place): gradient norm of \(name)")
            }
        }
    }

    private func norm(_ values: [Float]) -> Float {
        Float(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    }
}
