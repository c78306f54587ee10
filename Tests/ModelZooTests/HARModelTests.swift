import Datasets
import Layers
import ModelZoo
import Tensors
import Testing
import Weights

@Suite struct HARModelTests {
    @Test(arguments: [(HARModel.Fusion.attention, 420_684), (.concat, 318_790)])
    func parameterCountsAreTheBenchmarks(fusion: HARModel.Fusion, count: Int) throws {
        let model = try HARModel(.init(fusion: fusion), Initializer(seed: 8))
        let unused = fusion == .concat ? 16_512 : 0
        #expect(model.parameterCount == count + unused)
        let eight = try HARModel(.init(fusion: fusion, classes: 8), Initializer(seed: 8))
        #expect(eight.parameterCount == model.parameterCount + 2 * 65)
    }

    static let shared: [String: [Int]] = {
        var all: [String: [Int]] = [:]
        for sensor in ["acc", "gyro"] {
            for (index, shape) in [[32, 3, 5], [64, 32, 5], [128, 64, 5]].enumerated() {
                all["\(sensor)_conv.conv\(index + 1).weight"] = shape
                all["\(sensor)_conv.conv\(index + 1).bias"] = [shape[0]]
            }
            all["\(sensor)_rnn.weight_ih_l0"] = [384, 128]
            all["\(sensor)_rnn.weight_hh_l0"] = [384, 128]
            all["\(sensor)_rnn.bias_ih_l0"] = [384]
            all["\(sensor)_rnn.bias_hh_l0"] = [384]
        }
        return all
    }()

    @Test func namesAndShapesAreTheBenchmarks() throws {
        var attention = Self.shared
        for (name, shape) in [
            ("fuse_att.att_fc1", [512, 128]), ("fuse_att.att_fc2", [6, 512]), ("classifier.0", [64, 768]),
            ("classifier.3", [6, 64]),
        ] {
            attention["\(name).weight"] = shape
            attention["\(name).bias"] = [shape[0]]
        }
        var concat = Self.shared
        for (name, shape) in [
            ("acc_proj", [64, 128]), ("gyro_proj", [64, 128]), ("classifier.0", [64, 256]), ("classifier.2", [6, 64]),
        ] {
            concat["\(name).weight"] = shape
            concat["\(name).bias"] = [shape[0]]
        }
        for (fusion, expected) in [(HARModel.Fusion.attention, attention), (.concat, concat)] {
            let schema = try HARModel(.init(fusion: fusion), Initializer(seed: 1)).schema()
            #expect(Dictionary(uniqueKeysWithValues: schema.tensors.map { ($0.name, $0.shape) }) == expected)
            #expect(schema.tensors.allSatisfy { $0.dtype == .f32 })
        }
    }

    @Test(arguments: HARModel.Fusion.allCases)
    func agreesWithPyTorch(fusion: HARModel.Fusion) throws {
        let golden = try Golden("har-\(fusion.rawValue)")
        let model = try HARModel(.init(fusion: fusion), Initializer(seed: 0))
        try golden.load(into: model)
        let batch = ModelBatch(
            inputs: [try golden.tensor("input.acc"), try golden.tensor("input.gyro")],
            labels: try golden.tensor("labels"))
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
            let norm = gradient.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
            expectClose([Float(norm)], try golden.floats("norm.\(name)"), 1e-5, "norm of \(name)")
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

    @Test func lengthsMaskTheAttentionOnly() throws {
        let golden = try Golden("har-attention")
        let model = try HARModel(.init(), Initializer(seed: 0))
        try golden.load(into: model)
        var batch = ModelBatch(inputs: [try golden.tensor("input.acc"), try golden.tensor("input.gyro")])
        batch.lengths = [[128, 77, 8, 0], [128, 128, 64, 40]]
        expectClose(
            try model.logits(batch, .evaluation()).floats(), try golden.floats("logits.masked"), 1e-5, "masked")
    }

    @Test func initialValuesDependOnTheSeedAlone() throws {
        let first = try HARModel(.init(), Initializer(seed: 8)).weights()
        let second = try HARModel(.init(), Initializer(seed: 8)).weights()
        let other = try HARModel(.init(), Initializer(seed: 9)).weights()
        #expect(first == second)
        #expect(first != other)
        let bound = Float(1 / 15.0.squareRoot())
        let values = try first.floats("acc_conv.conv1.weight")
        #expect(values.allSatisfy { abs($0) <= bound })
        #expect((values.max() ?? 0) > 0.9 * bound)
    }

    @Test func dropoutFollowsSeedRoundAndClient() throws {
        let golden = try Golden("har-attention")
        let model = try HARModel(.init(), Initializer(seed: 8))
        let batch = ModelBatch(inputs: [try golden.tensor("input.acc"), try golden.tensor("input.gyro")])
        func logits(_ seed: UInt64, _ round: UInt32, _ client: UInt32) throws -> [Float] {
            try model.logits(batch, .training(seed: seed, round: round, client: client)).floats()
        }
        #expect(try logits(1, 2, 3) == logits(1, 2, 3))
        #expect(try logits(1, 2, 3) != logits(2, 2, 3))
        #expect(try logits(1, 2, 3) != logits(1, 3, 3))
        #expect(try logits(1, 2, 3) != logits(1, 2, 4))
        #expect(try logits(1, 2, 3) != model.logits(batch, .evaluation()).floats())
    }

    @Test func worksForOtherNumbersOfSensors() throws {
        let sensors = ["a", "b", "c"].map { HARModel.Configuration.Sensor(name: $0, features: 2) }
        for fusion in HARModel.Fusion.allCases {
            let model = try HARModel(
                .init(fusion: fusion, sensors: sensors, classes: 4, hidden: 16), Initializer(seed: 1))
            let inputs = try (0..<3).map { try Tensor.full(Double($0), [5, 20 + 8 * $0, 2]) }
            #expect(try model.logits(ModelBatch(inputs: inputs), .evaluation()).shape == [5, 4])
        }
    }

    @Test func wrongInputsAreErrors() throws {
        let model = try HARModel(.init(), Initializer(seed: 1))
        let inputs: [[Tensor]] = try [
            [.zeros([2, 128, 3])], [.zeros([2, 128, 3]), .zeros([3, 128, 3])],
            [.zeros([2, 7, 3]), .zeros([2, 128, 3])],
            [.zeros([2, 128, 4]), .zeros([2, 128, 3])], [.zeros([2, 384]), .zeros([2, 384])], [],
        ]
        for input in inputs {
            #expect(throws: TensorError.self) { try model.logits(ModelBatch(inputs: input), .evaluation()) }
        }
        for configuration in [
            HARModel.Configuration(sensors: []), .init(classes: 0), .init(hidden: 6), .init(dropout: 1),
            .init(sensors: [.init(name: "a", features: 0)]),
            .init(sensors: [.init(name: "a", features: 1), .init(name: "a", features: 1)]),
        ] {
            #expect(throws: TensorError.self) { try HARModel(configuration, Initializer(seed: 1)) }
        }
    }
}
