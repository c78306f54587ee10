import Layers
import Tensors
import Testing
import Weights

@Suite struct LayerTests {
    // MARK: Names

    @Test func namesArePyTorchs() throws {
        let initializer = Initializer(seed: 1)
        let gru = try GRU(inputs: 5, hidden: 6, initializer)
        #expect(gru.parameters().map(\.name) == ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"])
        #expect(gru.parameters().map(\.tensor.shape) == [[18, 5], [18, 6], [18], [18]])
        let pooling = try FusedAttentionPooling(features: 128, initializer)
        #expect(
            pooling.parameters().map(\.name) == ["att_fc1.weight", "att_fc1.bias", "att_fc2.weight", "att_fc2.bias"])
        #expect(pooling.parameterCount == 69_126)
        let chain = try Sequential([Linear(inputs: 2, outputs: 3, initializer), ReLU(), pair(initializer)])
        #expect(chain.parameters().map(\.name) == ["0.weight", "0.bias", "2.0.weight", "2.0.bias"])
        #expect(try chain.schema().tensors.count == 4)
    }

    private func pair(_ initializer: Initializer) throws -> Sequential {
        try Sequential([Linear(inputs: 3, outputs: 3, initializer), ReLU()])
    }

    @Test func weightsGoOutAndComeBack() throws {
        let source = try pair(Initializer(seed: 1))
        let target = try pair(Initializer(seed: 2))
        let weights = try source.weights()
        #expect(try target.weights() != weights)
        try target.load(weights)
        #expect(try target.weights() == weights)
        #expect(target.parameters().allSatisfy { $0.tensor.requiresGradient })
        let other = try Linear(inputs: 3, outputs: 3, Initializer(seed: 1)).weights()
        let error = try #require(throws: TensorError.self) { try target.load(other) }
        #expect(error.code == .mismatch)
        #expect(try target.weights() == weights)
    }

    @Test func zeroGradientsReachesEveryParameter() throws {
        let model = try pair(Initializer(seed: 1))
        try model.forward(.ones([2, 3]), .evaluation()).sum().backward()
        #expect(model.parameters().allSatisfy { $0.tensor.gradient != nil })
        try model.zeroGradients()
        #expect(model.parameters().allSatisfy { $0.tensor.gradient == nil })
    }

    // MARK: Initial values

    @Test func initialValuesDependOnSeedAndPlaceOnly() throws {
        let first = try pair(Initializer(seed: 7)).weights()
        #expect(try pair(Initializer(seed: 7)).weights() == first)
        #expect(try pair(Initializer(seed: 8)).weights() != first)
        let initializer = Initializer(seed: 7)
        let a = try initializer.uniform([4, 4], fanIn: 4)
        let b = try initializer.uniform([4, 4], fanIn: 4)
        #expect(try a.floats() != b.floats())
    }

    /// U(−b, b) has mean 0 and variance b² / 3.
    @Test(arguments: [("linear", 100), ("conv", 60), ("gru", 128)])
    func initialValuesAreUniformWithinPyTorchsBound(_ kind: String, _ fanIn: Int) throws {
        let initializer = Initializer(seed: 11)
        let module: any Module =
            switch kind {
            case "linear": try Linear(inputs: 100, outputs: 200, initializer)
            case "conv": try Conv1d(inputs: 12, outputs: 300, kernel: 5, initializer)
            default: try GRU(inputs: 40, hidden: 128, initializer)
            }
        let bound = 1 / Double(fanIn).squareRoot()
        for (name, tensor) in module.parameters() {
            let values = try tensor.doubles()
            #expect(values.allSatisfy { abs($0) <= bound * 1.000001 }, "\(name)")
            guard values.count > 5000 else { continue }
            let mean = values.reduce(0, +) / Double(values.count)
            let variance = values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            #expect(abs(mean) < 0.02 * bound, "\(name)")
            #expect(abs(variance / (bound * bound / 3) - 1) < 0.03, "\(name)")
        }
    }

    // MARK: Dropout

    @Test func dropoutActsInTrainingOnly() throws {
        let dropout = try Dropout(probability: 0.25, layer: 3)
        let x = try Tensor.ones([50, 40])
        #expect(try dropout.forward(x, .evaluation()).floats() == x.floats())
        let values = try dropout.forward(x, .training(seed: 8)).floats()
        #expect(Set(values) == [0, 1 / 0.75])
        #expect(abs(values.reduce(0, +) / 2000 - 1) < 0.05)
        let none = try Dropout(probability: 0, layer: 3)
        #expect(try none.forward(x, .training(seed: 8)).floats() == x.floats())
    }

    @Test func masksDependOnSeedRoundClientLayerAndPosition() throws {
        let x = try Tensor.ones([8, 16])
        func masks(_ context: ForwardContext, layer: UInt32 = 1, count: Int = 2) throws -> [[Float]] {
            let dropout = try Dropout(probability: 0.5, layer: layer)
            return try (0..<count).map { _ in try dropout.forward(x, context).floats() }
        }
        let first = try masks(.training(seed: 8, round: 2, client: 3))
        #expect(first[0] != first[1])
        #expect(try masks(.training(seed: 8, round: 2, client: 3)) == first)
        #expect(try masks(.training(seed: 9, round: 2, client: 3)) != first)
        #expect(try masks(.training(seed: 8, round: 1, client: 3)) != first)
        #expect(try masks(.training(seed: 8, round: 2, client: 4)) != first)
        #expect(try masks(.training(seed: 8, round: 2, client: 3), layer: 2) != first)
        // One layer's draws do not move another's.
        let shared = ForwardContext.training(seed: 8, round: 2, client: 3)
        _ = try masks(shared, layer: 5, count: 3)
        #expect(try masks(shared) == first)
    }

    @Test(arguments: [-0.1, 1.0, .nan])
    func dropoutRefusesAProbability(_ probability: Double) {
        #expect(throws: TensorError.self) { try Dropout(probability: probability, layer: 0) }
    }

    // MARK: Attention

    @Test func maskCoversWhatLiesBehindEachLength() throws {
        let mask = try #require(
            try FusedAttentionPooling.mask(batch: 2, streams: [(steps: 3, lengths: [2, 0]), (steps: 2, lengths: nil)]))
        #expect(mask.shape == [2, 5])
        #expect(try mask.bools() == [false, false, true, false, false, true, true, true, false, false])
        #expect(try FusedAttentionPooling.mask(batch: 2, streams: [(steps: 3, lengths: nil)]) == nil)
        #expect(throws: TensorError.self) {
            try FusedAttentionPooling.mask(batch: 2, streams: [(steps: 3, lengths: [1])])
        }
    }

    @Test func maskedPositionsDoNotMatter() throws {
        let pooling = try FusedAttentionPooling(features: 4, heads: 2, attention: 8, Initializer(seed: 1))
        let masked = try Tensor([false, true, true, false, false, false], shape: [2, 3])
        let plain = try Tensor((0..<24).map { Float($0) / 10 }, shape: [2, 3, 4])
        let changed = try plain.cloned()
        try changed.slice(axis: 0, end: 1).slice(axis: 1, start: 1).fill(9)
        let context = ForwardContext.evaluation()
        #expect(
            try pooling.forward(plain, masked: masked, context).floats()
                == pooling.forward(changed, masked: masked, context).floats())
        #expect(throws: TensorError.self) { try pooling.forward(.zeros([2, 4]), context) }
        #expect(throws: TensorError.self) { try pooling.forward(plain, masked: Tensor([true]), context) }
    }

    @Test func aHeadCanHaveItsOwnMask() throws {
        let pooling = try FusedAttentionPooling(features: 4, heads: 2, attention: 8, Initializer(seed: 1))
        let states = try Tensor((0..<12).map { Float($0 * $0 % 7) }, shape: [1, 3, 4])
        let context = ForwardContext.evaluation()
        let free = try pooling.forward(states, context).floats()
        // The second head sees only masked positions, so that all weigh the same.
        let masked = try Tensor([false, false, false, true, true, true], shape: [1, 2, 3])
        let found = try pooling.forward(states, masked: masked, context).floats()
        #expect(found[..<4] == free[..<4])
        #expect(zip(found[4...], try states.mean(axis: 1).floats()).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(throws: TensorError.self) {
            try pooling.forward(states, masked: Tensor([true, true, true], shape: [1, 1, 3]), context)
        }
    }

    // MARK: Losses

    @Test func binaryCrossEntropyStaysFinite() throws {
        let logits = try Tensor([200, -200, 0, 200] as [Float], shape: [2, 2])
        let targets = try Tensor([1, 0, 1, 0] as [Float], shape: [2, 2])
        let loss = try BinaryCrossEntropy.loss(logits, targets).item()
        #expect(abs(loss - (200 + 0.693_147_18) / 4) < 1e-5)
        let sum = try logits.binaryCrossEntropyWithLogits(targets, reduction: .sum).item()
        #expect(abs(sum - 4 * loss) < 1e-4)
        #expect(throws: TensorError.self) {
            try BinaryCrossEntropy.loss(logits, Tensor([1, 0, 1, 0] as [Float]))
        }
    }

    @Test func oneClassBecomesOneTarget() throws {
        let targets = try BinaryCrossEntropy.targets(Tensor([2, 0]), count: 3, dtype: .f32)
        #expect(targets.shape == [2, 3])
        #expect(try targets.floats() == [0, 0, 1, 1, 0, 0])
        for wrong in [3, -1] {
            #expect(throws: TensorError.self) {
                try BinaryCrossEntropy.targets(Tensor([wrong]), count: 3, dtype: .f32)
            }
        }
    }

    // MARK: SGD

    @Test(arguments: [
        SGD.Configuration(learningRate: -1), .init(learningRate: .nan), .init(learningRate: 1, momentum: -0.5),
        .init(learningRate: 1, weightDecay: .infinity), .init(learningRate: 1, nesterov: true),
        .init(learningRate: 1, clipNorm: -1), .init(learningRate: 1, dampening: .nan),
    ])
    func sgdRefusesNumbers(_ configuration: SGD.Configuration) {
        #expect(throws: TensorError.self) { try SGD([], configuration) }
    }

    @Test func sgdLeavesParametersWithoutAGradient() throws {
        let used = try Tensor([1, 1] as [Float]).requireGradient()
        let unused = try Tensor([1, 1] as [Float]).requireGradient()
        let optimiser = try SGD([used, unused], .init(learningRate: 0.5, momentum: 0.9, weightDecay: 1))
        try (used * 2).sum().backward()
        try optimiser.step()
        #expect(try used.floats() == [-0.5, -0.5])
        #expect(try unused.floats() == [1, 1])
        try optimiser.zeroGradients()
        #expect(used.gradient == nil)
    }
}
