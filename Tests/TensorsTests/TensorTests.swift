import Randomness
import Testing
import Weights

@testable import Tensors

@Suite struct TensorTests {
    @Test func holdsWhatItWasGiven() throws {
        let matrix = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        #expect(matrix.shape == [2, 3])
        #expect(matrix.rank == 2)
        #expect(matrix.count == 6)
        #expect(matrix.dtype == .f32)
        #expect(try matrix.transposed(0, 1).floats() == [1, 4, 2, 5, 3, 6])
        #expect(try matrix.doubles() == [1, 2, 3, 4, 5, 6])
        #expect(try Tensor([1.9, -1.9] as [Double]).integers() == [1, -1])
        #expect(try Tensor([true, false]).bools() == [true, false])
        #expect(try Tensor.scalar(2.5).item() == 2.5)
        #expect(try Tensor.scalar(2.5).shape == [])
        #expect(try Tensor.zeros([0, 3]).floats() == [])
        #expect(try Tensor.ones([2], dtype: .f64).doubles() == [1, 1])
        #expect(String(describing: matrix).contains("[2, 3]"))
    }

    @Test(arguments: misuses.indices)
    func misuseIsAnError(_ index: Int) throws {
        let (operation, body) = misuses[index]
        let error = try #require(throws: TensorError.self) { try body() }
        #expect(error.message.hasPrefix(operation), "\(error)")
        #expect(!error.message.contains("\n") && error.message.count > operation.count + 2)
    }

    @Test(arguments: [[1, 2], [1, 2, 0], [1, 2, 5], [1, 2, -1], [1, 2, 3, 4]])
    func gruRefusesLengths(_ lengths: [Int]) throws {
        let parameters = try Tensor.GRUParameters(
            inputWeight: .zeros([9, 2]), hiddenWeight: .zeros([9, 3]), inputBias: .zeros([9]), hiddenBias: .zeros([9]))
        let x = try Tensor.zeros([3, 4, 2])
        #expect(throws: TensorError.self) { try x.gru(parameters, lengths: lengths) }
    }

    @Test func gruRefusesShapesThatDoNotFit() throws {
        let parameters = try Tensor.GRUParameters(
            inputWeight: .zeros([9, 2]), hiddenWeight: .zeros([9, 3]), inputBias: .zeros([9]), hiddenBias: nil)
        #expect(throws: TensorError.self) { try Tensor.zeros([3, 4, 2]).gru(parameters) }
        let narrow = try Tensor.GRUParameters(
            inputWeight: .zeros([9, 2]), hiddenWeight: .zeros([9, 3]), inputBias: nil, hiddenBias: nil)
        #expect(throws: TensorError.self) { try Tensor.zeros([3, 4, 5]).gru(narrow) }
        #expect(throws: TensorError.self) { try Tensor.zeros([3, 4]).gru(narrow) }
        #expect(throws: TensorError.self) {
            try Tensor.zeros([3, 4, 2]).gru(narrow, lengths: [2, 3, 1], totalLength: 2)
        }
        #expect(try Tensor.zeros([3, 4, 2]).gru(narrow).last.shape == [1, 3, 3])
    }

    @Test func itemNeedsOneElement() throws {
        #expect(throws: TensorError.self) { try Tensor.zeros([2]).item() }
    }

    // MARK: Randomness

    @Test func drawsComeFromTheStreamAlone() throws {
        var stream = RandomStream(seed: 8, purpose: "test")
        let first = try Tensor.uniform([3, 5], low: -2, high: 3, from: &stream)
        let second = try Tensor.uniform([3, 5], low: -2, high: 3, from: &stream)
        var again = RandomStream(seed: 8, purpose: "test")
        #expect(try first.floats() == Tensor.uniform([3, 5], low: -2, high: 3, from: &again).floats())
        #expect(try first.floats() != second.floats())
        #expect(try first.floats().allSatisfy { $0 >= -2 && $0 < 3 })
        #expect(try Tensor.normal([4], from: &stream, dtype: .f64).dtype == .f64)
        #expect(throws: TensorError.self) { try Tensor.uniform([-1], from: &stream) }
        #expect(throws: TensorError.self) { try Tensor.uniform([1 << 40, 1 << 40], from: &stream) }
    }

    @Test func dropoutMaskKeepsTheMean() throws {
        var stream = RandomStream(seed: 8, purpose: "dropout")
        let mask = try Tensor.dropoutMask([100, 200], keep: 0.75, from: &stream).floats()
        #expect(Set(mask) == [0, 1 / 0.75])
        #expect(abs(mask.reduce(0, +) / 20_000 - 1) < 0.02)
        #expect(throws: TensorError.self) { try Tensor.dropoutMask([2], keep: 0, from: &stream) }
        #expect(throws: TensorError.self) { try Tensor.dropoutMask([2], keep: .nan, from: &stream) }
    }

    // MARK: Weights

    @Test(arguments: DType.allCases)
    func weightsRoundTrip(_ dtype: DType) throws {
        let tensor = try Tensor([0, 1, 1, 0, 1, 0] as [Float], shape: [2, 3]).to(dtype)
        let weights = try Tensor.weights(of: [(name: "a.b", tensor: tensor), (name: "c", tensor: .scalar(4))])
        #expect(weights.schema["a.b"]?.dtype == dtype)
        let back = try Tensor(#require(weights["a.b"]))
        #expect(back.dtype == dtype && back.shape == [2, 3])
        #expect(try back.floats() == [0, 1, 1, 0, 1, 0])
        let target = try Tensor.ones([2, 3], dtype: dtype)
        let number = try Tensor.zeros([])
        try Tensor.load(weights, into: [(name: "a.b", tensor: target), (name: "c", tensor: number)])
        #expect(try target.floats() == [0, 1, 1, 0, 1, 0])
        #expect(try number.item() == 4)
    }

    @Test func loadingConvertsFloatsAndNamesWhatDoesNotFit() throws {
        let half = try Tensor.weights(of: [(name: "w", tensor: Tensor([1.5, -2] as [Float]).to(.f16))])
        let target = try Tensor.zeros([2]).requireGradient()
        try Tensor.load(half, into: [(name: "w", tensor: target)])
        #expect(try target.floats() == [1.5, -2])

        let bad: [[(name: String, tensor: Tensor)]] = [
            [(name: "v", tensor: try .zeros([2]))],
            [(name: "w", tensor: try .zeros([3]))],
            [(name: "w", tensor: try .zeros([2], dtype: .i64))],
            [(name: "w", tensor: try .zeros([2])), (name: "x", tensor: try .zeros([2]))],
        ]
        for tensors in bad {
            let error = try #require(throws: TensorError.self) { try Tensor.load(half, into: tensors) }
            #expect(error.code == .mismatch && error.message.contains("'"))
        }
        #expect(throws: TensorError.self) {
            try Tensor.weights(of: [(name: "w", tensor: target), (name: "w", tensor: target)])
        }
    }

    @Test func truthValuesFromFilesMustBeZeroOrOne() throws {
        let schema = try WeightsSchema([TensorSpec(name: "flags", dtype: .bool, shape: [2])])
        let weights = try Weights(schema: schema, bytes: [1, 2])
        let error = try #require(throws: TensorError.self) { try Tensor(#require(weights["flags"])) }
        #expect(error.message.contains("flags"))
    }
}

/// Shapes, indices and types come from configurations and files: each failure is an error that names the operation.
private let misuses: [(operation: String, body: @Sendable () throws -> Tensor)] = [
    ("tensor of shape", { try Tensor([1, 2] as [Float], shape: [3]) }),
    ("tensor of shape", { try Tensor([1, 2] as [Float], shape: [-1, -2]) }),
    ("tensor of shape", { try Tensor([1, 2] as [Float], shape: [1 << 62, 1 << 62]) }),
    ("full", { try Tensor.zeros([-3]) }),
    ("full", { try Tensor.zeros([1 << 40, 1 << 20]) }),
    ("arange", { try Tensor.arange(-1) }),
    ("add", { try Tensor.zeros([2]) + Tensor.zeros([3]) }),
    ("matmul", { try Tensor.zeros([2, 3]).matmul(Tensor.zeros([2, 3])) }),
    ("reshaped", { try Tensor.zeros([2, 3]).reshaped([4]) }),
    ("permuted", { try Tensor.zeros([2, 3]).permuted([0, 0]) }),
    ("transposed", { try Tensor.zeros([2, 3]).transposed(0, 2) }),
    ("sum", { try Tensor.zeros([2, 3]).sum(axis: 2) }),
    ("max", { try Tensor.zeros([0]).max() }),
    ("slice", { try Tensor.zeros([3]).slice(axis: 0, step: 0) }),
    ("select", { try Tensor.zeros([3]).select(axis: 0, index: 3) }),
    ("indexSelect", { try Tensor.zeros([3]).indexSelect(axis: 0, Tensor([3])) }),
    ("gather", { try Tensor.zeros([3]).gather(axis: 0, Tensor([-4])) }),
    ("concatenate", { try Tensor.concatenate([], axis: 0) }),
    ("stack", { try Tensor.stack([.zeros([2]), .zeros([3])]) }),
    ("linear", { try Tensor.zeros([2, 3]).linear(weight: .zeros([4, 2])) }),
    ("conv1d", { try Tensor.zeros([1, 3, 2]).conv1d(weight: .zeros([4, 3, 5])) }),
    ("conv1d", { try Tensor.zeros([1, 3, 9]).conv1d(weight: .zeros([4, 3, 5]), stride: 0) }),
    ("conv1d", { try Tensor.zeros([1, 3, 9]).conv1d(weight: .zeros([4, 3, 5]), groups: 0) }),
    ("maxPool1d", { try Tensor.zeros([1, 3, 9]).maxPool1d(kernel: 0) }),
    ("crossEntropy", { try Tensor.zeros([2, 3]).crossEntropy(Tensor([0, 3])) }),
    ("crossEntropy", { try Tensor.zeros([2, 3]).crossEntropy(Tensor([0, -1])) }),
    ("crossEntropy", { try Tensor.zeros([2, 3]).crossEntropy(Tensor([0])) }),
    ("requireGradient", { try Tensor([1, 2]).requireGradient() }),
]
