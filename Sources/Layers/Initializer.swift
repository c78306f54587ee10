internal import Randomness
public import Tensors
public import Weights

/// Makes the first values of parameters, from the streams (seed, `"init"`, layer), layer counting the parameters made.
///
/// The same seed and the same order of construction give the same values. The distributions are PyTorch's defaults.
public final class Initializer {
    /// The element type of the parameters: `f32`, or `f64` for checks of gradients.
    public let dtype: DType

    private let seed: UInt64
    private var made: UInt32 = 0

    /// Starts at the first parameter.
    public init(seed: UInt64, dtype: DType = .f32) {
        self.seed = seed
        self.dtype = dtype
    }

    /// A parameter with values uniform in [−1/√fanIn, 1/√fanIn), asking for gradients.
    ///
    /// This is PyTorch's default for weights and biases of linear and convolution layers (Kaiming uniform with a = √5,
    /// which comes to the same bound) and, with the hidden size in place of the fan-in, of recurrent layers.
    ///
    /// - Parameter fanIn: how many inputs one output sums, at least 1.
    public func uniform(_ shape: [Int], fanIn: Int) throws(TensorError) -> Tensor {
        guard fanIn >= 1 else {
            throw TensorError(.invalidArgument, "initial values: expected a fan-in of at least 1, found \(fanIn)")
        }
        return try uniform(shape, bound: 1 / Double(fanIn).squareRoot())
    }

    /// A weight [outputs, inputs, …] with values uniform in [−a, a), a = √(6 / (fan-in + fan-out)), asking for gradients; a
    /// kernel counts in both.
    ///
    /// X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010;
    /// PyTorch's `xavier_uniform_`.
    public func xavier(_ shape: [Int]) throws(TensorError) -> Tensor {
        guard shape.count >= 2, shape.allSatisfy({ $0 >= 1 }) else {
            throw TensorError(
                .invalidArgument, "initial values: expected a weight [outputs, inputs, …], found \(shape)")
        }
        let kernel = shape.dropFirst(2).reduce(1.0) { $0 * Double($1) }
        return try uniform(shape, bound: (6 / (kernel * (Double(shape[0]) + Double(shape[1])))).squareRoot())
    }

    private func uniform(_ shape: [Int], bound exact: Double) throws(TensorError) -> Tensor {
        var stream = RandomStream(seed: seed, purpose: "init", layer: made)
        made += 1
        let bound = Float(exact)
        return try Tensor.uniform(shape, low: -bound, high: bound, from: &stream, dtype: dtype).requireGradient()
    }
}
