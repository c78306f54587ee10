public import Layers
public import Tensors

/// Multinomial logistic regression: scores W x + b, x all inputs flattened and joined.
///
/// Parameters: `weight` [K, D], `bias` [K]. The order of x is the modalities' order, each row-major. Small enough to be
/// written in any language, which is what examples and tests of foreign trainers use it for.
public final class SoftmaxModel: MultimodalModel {
    /// D, the number of values of an example.
    public let features: Int
    /// K.
    public let classCount: Int

    private let linear: Linear

    /// Makes a model with values from U(−1/√D, 1/√D), PyTorch's default.
    ///
    /// - Throws: `TensorError` for sizes out of range.
    public init(features: Int, classes: Int, _ initializer: Initializer) throws(TensorError) {
        guard (1...(1 << 24)).contains(features), (1...65_536).contains(classes) else {
            throw TensorError(
                .invalidArgument,
                "softmax model: \(features) features and \(classes) classes, expected 1 to \(1 << 24) and 1 to 65536")
        }
        self.features = features
        classCount = classes
        linear = try Linear(inputs: features, outputs: classes, initializer)
    }

    /// The whole model.
    public var lastLayer: Linear { linear }

    /// `weight` and `bias`.
    public var ownParameters: [(name: String, tensor: Tensor)] { linear.ownParameters }

    /// Any inputs of D values together → `[B, K]`.
    public func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        let joined = try flattened(batch, features: features, name: "softmax")
        return ModelOutput(logits: try linear.forward(joined, context), hidden: joined, embedding: joined)
    }
}
