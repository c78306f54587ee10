import Datasets
import Layers
import ModelZoo
import Tensors
import Testing
import Weights

@Suite struct FusionModelTests {
    /// The table of the benchmark: the number of parameters that are trained.
    static let counts: [(family: FusionModel.Family, classes: Int, attention: Int, concat: Int)] = [
        (.mmaction, 51, 826_393, 724_499), (.mmaction, 10, 823_728, 721_834), (.mmaction, 4, 823_338, 721_444),
        (.ser, 4, 528_426, 426_532), (.har, 6, 420_684, 318_790), (.har, 8, 420_814, 318_920),
        (.ecg, 5, 421_579, 319_685), (.imageText, 2, 545_480, 443_586), (.imageText, 8, 545_870, 443_976),
    ]

    @Test(arguments: counts.indices)
    func parameterCountsAreTheBenchmarks(row: Int) throws {
        let (family, classes, attention, concat) = Self.counts[row]
        for (fusion, count) in [(FusionModel.Fusion.attention, attention), (.concat, concat)] {
            let configuration = FusionModel.Configuration(family, fusion: fusion, classes: classes)
            let model = try FusionModel(configuration, Initializer(seed: 8))
            let unused = fusion == .concat && family != .imageText ? 16_512 : 0
            #expect(model.parameterCount == count + unused)
            #expect(configuration.parameterCount == model.parameterCount)
            #expect(model.classCount == classes)
            #expect(model.lastLayer.weight.shape == [classes, 64])
        }
    }

    @Test func familiesHaveTheBenchmarksClasses() {
        let classes = Dictionary(
            uniqueKeysWithValues: FusionModel.Family.allCases.map {
                ($0.rawValue, FusionModel.Configuration($0).classes)
            })
        #expect(classes == ["har": 6, "ecg": 5, "ser": 4, "mmaction": 51, "image-text": 2, "unimodal": 2])
        #expect(FusionModel.Family.allCases.filter(\.isMultilabel) == [.ecg])
    }

    private static func gru(_ name: String, _ features: Int) -> [String: [Int]] {
        [
            "\(name).weight_ih_l0": [384, features], "\(name).weight_hh_l0": [384, 128], "\(name).bias_ih_l0": [384],
            "\(name).bias_hh_l0": [384],
        ]
    }

    private static func affine(_ name: String, _ shape: [Int]) -> [String: [Int]] {
        ["\(name).weight": shape, "\(name).bias": [shape[0]]]
    }

    private static func convolutions(_ name: String, _ features: Int) -> [String: [Int]] {
        join([
            affine("\(name).conv1", [32, features, 5]), affine("\(name).conv2", [64, 32, 5]),
            affine("\(name).conv3", [128, 64, 5]),
        ])
    }

    private static func join(_ parts: [[String: [Int]]]) -> [String: [Int]] {
        parts.reduce(into: [:]) { $0.merge($1) { first, _ in first } }
    }

    private static func pooled(_ classes: Int, _ pool: String = "fuse_att") -> [String: [Int]] {
        join([
            affine("\(pool).att_fc1", [512, 128]), affine("\(pool).att_fc2", [6, 512]),
            affine("classifier.0", [64, 768]), affine("classifier.3", [classes, 64]),
        ])
    }

    private static let schemas: [(FusionModel.Configuration, [String: [Int]])] = {
        let acc = join([convolutions("acc_conv", 3), gru("acc_rnn", 128)])
        let activity = join([acc, convolutions("gyro_conv", 3), gru("gyro_rnn", 128)])
        let speech = join([convolutions("audio_conv", 80), gru("audio_rnn", 128), gru("text_rnn", 512)])
        let action = join([convolutions("audio_conv", 80), gru("audio_rnn", 128), gru("video_rnn", 1280)])
        let post = join([affine("img_proj.0", [128, 1280]), affine("img_proj.3", [128, 128]), gru("text_rnn", 512)])
        let leads = join(
            ["i_to_avf", "v1_to_v6"].map { join([convolutions("\($0)_conv", 6), gru("\($0)_rnn", 128)]) })
        func halves(_ names: [String]) -> [String: [Int]] { join(names.map { affine("\($0)_proj", [64, 128]) }) }
        func head(_ classes: Int, last: Int) -> [String: [Int]] {
            join([affine("classifier.0", [64, 256]), affine("classifier.\(last)", [classes, 64])])
        }
        return [
            (.init(.har), join([activity, pooled(6)])),
            (.init(.har, fusion: .concat), join([activity, halves(["acc", "gyro"]), head(6, last: 2)])),
            (.init(.ecg), join([leads, pooled(5)])),
            (.init(.ecg, fusion: .concat), join([leads, halves(["i_to_avf", "v1_to_v6"]), head(5, last: 2)])),
            (.init(.ser), join([speech, pooled(4)])),
            (.init(.ser, fusion: .concat), join([speech, halves(["audio", "text"]), head(4, last: 3)])),
            (.init(.mmaction), join([action, pooled(51)])),
            (.init(.mmaction, fusion: .concat), join([action, halves(["audio", "video"]), head(51, last: 3)])),
            (.init(.imageText), join([post, pooled(2)])),
            (.init(.imageText, fusion: .concat), join([post, head(2, last: 3)])),
            (
                .init(.unimodal, inputs: [.audio], classes: 4),
                join([convolutions("conv", 80), gru("rnn", 128), pooled(4, "att")])
            ),
            (
                .init(.unimodal, fusion: .concat, inputs: [.text], classes: 4),
                join([gru("rnn", 512), affine("classifier.0", [64, 128]), affine("classifier.3", [4, 64])])
            ),
        ]
    }()

    @Test(arguments: schemas.indices)
    func namesAndShapesAreTheBenchmarks(row: Int) throws {
        let (configuration, expected) = Self.schemas[row]
        let schema = try FusionModel(configuration, Initializer(seed: 1)).schema()
        #expect(Dictionary(uniqueKeysWithValues: schema.tensors.map { ($0.name, $0.shape) }) == expected)
        #expect(schema.tensors.allSatisfy { $0.dtype == .f32 })
    }

    @Test func initialValuesDependOnTheSeedAlone() throws {
        let first = try FusionModel(.init(.har), Initializer(seed: 8)).weights()
        let second = try FusionModel(.init(.har), Initializer(seed: 8)).weights()
        let other = try FusionModel(.init(.har), Initializer(seed: 9)).weights()
        #expect(first == second)
        #expect(first != other)
        let bound = Float(1 / 15.0.squareRoot())
        let values = try first.floats("acc_conv.conv1.weight")
        #expect(values.allSatisfy { abs($0) <= bound })
        #expect((values.max() ?? 0) > 0.9 * bound)
    }

    @Test(arguments: [FusionModel.Family.har, .imageText])
    func dropoutFollowsSeedRoundAndClient(family: FusionModel.Family) throws {
        let model = try FusionModel(.init(family, hidden: 16), Initializer(seed: 8))
        let batch = ModelBatch(
            inputs: try family.inputs.enumerated().map { index, input in
                let shape = [4, input.encoder == .projection ? 1 : 16, input.features]
                return try Tensor(Golden.input(index, shape), shape: shape)
            })
        func logits(_ seed: UInt64, _ round: UInt32, _ client: UInt32) throws -> [Float] {
            try model.logits(batch, .training(seed: seed, round: round, client: client)).floats()
        }
        #expect(try logits(1, 2, 3) == logits(1, 2, 3))
        #expect(try logits(1, 2, 3) != logits(2, 2, 3))
        #expect(try logits(1, 2, 3) != logits(1, 3, 3))
        #expect(try logits(1, 2, 3) != logits(1, 2, 4))
        #expect(try logits(1, 2, 3) != model.logits(batch, .evaluation()).floats())
    }

    @Test func theOutputHoldsWhatLiesBeforeTheScores() throws {
        for fusion in FusionModel.Fusion.allCases {
            let model = try FusionModel(.init(.har, fusion: fusion, hidden: 16), Initializer(seed: 8))
            let output = try model.output(
                ModelBatch(inputs: [.ones([3, 16, 3]), .ones([3, 24, 3])]), .evaluation())
            #expect(output.embedding.shape == [3, fusion == .attention ? 96 : 32])
            #expect(output.hidden.shape == [3, 64])
            #expect(try model.lastLayer.forward(output.hidden, .evaluation()).floats() == output.logits.floats())
        }
    }

    @Test func wrongInputsAreErrors() throws {
        let model = try FusionModel(.init(.har, hidden: 16), Initializer(seed: 1))
        let inputs: [[Tensor]] = try [
            [.zeros([2, 128, 3])], [.zeros([2, 128, 3]), .zeros([3, 128, 3])],
            [.zeros([2, 7, 3]), .zeros([2, 128, 3])],
            [.zeros([2, 128, 4]), .zeros([2, 128, 3])], [.zeros([2, 384]), .zeros([2, 384])], [],
        ]
        for input in inputs {
            #expect(throws: TensorError.self) { try model.logits(ModelBatch(inputs: input), .evaluation()) }
        }
        let lengths: [[Int]] = [[1], [1, 2, 3], [-1, 4], [17, 3]]
        for wrong in lengths {
            let batch = ModelBatch(inputs: [try .zeros([2, 16, 3]), try .zeros([2, 16, 3])], lengths: [nil, wrong])
            let error = try #require(throws: TensorError.self) { try model.logits(batch, .evaluation()) }
            #expect("\(error)".contains("'gyro'"))
        }
        let images = try FusionModel(.init(.imageText, hidden: 16), Initializer(seed: 1))
        for shape in [[2, 2, 1280], [2, 1279], [2, 1, 1, 1280]] {
            let batch = ModelBatch(inputs: [try .zeros(shape), try .zeros([2, 3, 512])])
            #expect(throws: TensorError.self) { try images.logits(batch, .evaluation()) }
        }
    }

    @Test func wrongSizesAreErrors() throws {
        func sensor(_ name: String, _ features: Int = 1) -> FusionModel.Input {
            .init(name: name, encoder: .convolution, features: features)
        }
        for configuration in [
            FusionModel.Configuration(.har, inputs: []), .init(.har, classes: 0), .init(.har, hidden: 6),
            .init(.har, dropout: 1), .init(.har, inputs: [sensor("a", 0)]), .init(.har, inputs: [sensor("a.b")]),
            .init(.har, inputs: [sensor("a"), sensor("a")]), .init(.unimodal),
            .init(.unimodal, inputs: [.audio, .text]),
            .init(.ser, inputs: (0..<64).map { sensor("s\($0)", 65_536) }, hidden: 4096),
        ] {
            #expect(throws: TensorError.self) { try FusionModel(configuration, Initializer(seed: 1)) }
        }
    }
}
