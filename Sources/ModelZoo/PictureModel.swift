public import Layers
public import Tensors
internal import Weights

/// A small convolutional network for pictures: two convolutions with kernel 3, pooling and one hidden layer.
///
/// Conv(C → F₁), ReLU, Conv(F₁ → F₂), ReLU, maxima of 2 × 2, Dropout, Linear(→ hidden), ReLU, Dropout, Linear(→ K), without
/// padding; weights start as Glorot and Bengio say, biases as PyTorch's. With pictures [3, 32, 32], F = 32 and 64, 128 hidden
/// features and 10 classes it is the network of pfl-research's CIFAR-10 benchmark (`simple_cnn`; F. Granqvist et al.,
/// arXiv 2404.06430), which LEAF's and Reddi et al.'s networks resemble: 1,626,442 parameters.
///
/// Names and shapes are those of that network's `state_dict`, whose `Sequential` counts the layers without parameters too:
/// `1.weight` [F₁, C, 3, 3], `3.weight` [F₂, F₁, 3, 3], `8.weight` [hidden, F₂ · rows · columns], `11.weight` [K, hidden], and
/// the biases. Dropout streams: 0 after pooling, 1 after the hidden layer.
public final class PictureModel: MultimodalModel {
    /// The sizes of a model.
    public struct Configuration: Sendable, Hashable {
        /// The largest number of parameters that a model may have.
        public static let maximumParameters = 1 << 28

        /// Channels, rows and columns of a picture.
        public var shape: [Int]
        /// K.
        public var classes: Int
        /// F₁ and F₂.
        public var filters = [32, 64]
        /// The size of the hidden layer.
        public var hidden = 128
        /// The probability of zero after pooling.
        public var dropout = 0.25
        /// The probability of zero after the hidden layer.
        public var hiddenDropout = 0.5

        /// The network of the benchmark for pictures of a shape.
        public init(shape: [Int], classes: Int) {
            self.shape = shape
            self.classes = classes
        }

        /// Rows and columns after pooling.
        var pooled: (rows: Int, columns: Int) { ((shape[1] - 4) / 2, (shape[2] - 4) / 2) }

        func check() throws(TensorError) {
            func refuse(_ text: String) -> TensorError { TensorError(.invalidArgument, "cnn model: \(text)") }
            guard shape.count == 3, (1...1024).contains(shape[0]), (6...4096).contains(shape[1]),
                (6...4096).contains(shape[2])
            else {
                throw refuse(
                    "pictures of shape \(shape), expected [1...1024 channels, 6...4096 rows, 6...4096 columns]")
            }
            guard (1...65_536).contains(classes) else { throw refuse("\(classes) classes, expected 1 to 65536") }
            guard filters.count == 2, filters.allSatisfy({ (1...4096).contains($0) }) else {
                throw refuse("filters \(filters), expected two numbers from 1 to 4096")
            }
            guard (1...65_536).contains(hidden) else { throw refuse("hidden \(hidden), expected 1 to 65536") }
            let (rows, columns) = pooled
            let count =
                9 * filters[0] * (shape[0] + filters[1]) + (filters[1] * rows * columns + 1) * hidden
                + (hidden + 1) * classes + filters[0] + filters[1]
            guard count <= Self.maximumParameters else {
                throw refuse("\(count) parameters, expected at most \(Self.maximumParameters)")
            }
        }
    }

    /// The sizes.
    public let configuration: Configuration

    private let first: Conv2d
    private let second: Conv2d
    private let dense: Linear
    private let last: Linear
    private let dropout: Dropout
    private let hiddenDropout: Dropout

    /// Makes a model.
    ///
    /// - Throws: `TensorError` for sizes out of range.
    public init(_ configuration: Configuration, _ initializer: Initializer) throws(TensorError) {
        try configuration.check()
        self.configuration = configuration
        let (rows, columns) = configuration.pooled
        let filters = configuration.filters
        first = try Conv2d(
            inputs: configuration.shape[0], outputs: filters[0], kernel: 3, isXavier: true, initializer)
        second = try Conv2d(inputs: filters[0], outputs: filters[1], kernel: 3, isXavier: true, initializer)
        dense = try Linear(
            inputs: filters[1] * rows * columns, outputs: configuration.hidden, isXavier: true, initializer)
        last = try Linear(
            inputs: configuration.hidden, outputs: configuration.classes, isXavier: true, initializer)
        dropout = try Dropout(probability: configuration.dropout, layer: 0)
        hiddenDropout = try Dropout(probability: configuration.hiddenDropout, layer: 1)
    }

    /// K.
    public var classCount: Int { configuration.classes }

    /// The layer that makes the scores.
    public var lastLayer: Linear { last }

    /// The layers with parameters under their positions.
    public var children: [(name: String, module: any Module)] {
        [("1", first), ("3", second), ("8", dense), ("11", last)]
    }

    /// Pictures `[B, C, rows, columns]` → scores `[B, K]`.
    public func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        try checkInputs(batch, count: 1)
        let input = batch.inputs[0]
        let size = input.shape[0]
        guard Array(input.shape.dropFirst()) == configuration.shape else {
            throw TensorError(
                .invalidArgument, "cnn model: expected [batch] + \(configuration.shape), found \(input.shape)")
        }
        let (rows, columns) = configuration.pooled
        let mask = try dropout.mask(
            [size, configuration.filters[1], rows, columns], context, dtype: input.dtype ?? .f32)
        let flat = try input.permuted([0, 2, 3, 1])
            .pictureConvolution(weight: first.weight, bias: first.bias, pools: false)
            .pictureConvolution(weight: second.weight, bias: second.bias, pools: true, mask: mask)
            .reshaped([size, -1])
        let hidden = try hiddenDropout.forward(dense.forward(flat, context).relu(), context)
        return ModelOutput(logits: try last.forward(hidden, context), hidden: hidden, embedding: flat)
    }
}
