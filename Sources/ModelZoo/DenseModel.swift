public import Layers
public import Tensors

/// A plain fully connected network: all inputs flattened and joined, hidden layers with ReLU, scores.
///
/// With two hidden layers of 200 it is the "2NN" of McMahan et al. (AISTATS 2017), 199,210 parameters on MNIST. Names and
/// shapes are those of `nn.Sequential(Linear, ReLU, Linear, ReLU, …, Linear)`: `0.weight` [hidden, D], `2.weight`, …
public final class DenseModel: MultimodalModel {
    /// D, the number of values of an example.
    public let features: Int
    /// K.
    public let classCount: Int

    private let layers: [Linear]

    /// Makes a model with PyTorch's default values.
    ///
    /// - Parameter hidden: the sizes of the hidden layers, 1 to 64 of them.
    /// - Throws: `TensorError` for sizes out of range.
    public init(features: Int, hidden: [Int], classes: Int, _ initializer: Initializer) throws(TensorError) {
        guard (1...(1 << 24)).contains(features), (1...65_536).contains(classes), (1...64).contains(hidden.count),
            hidden.allSatisfy({ (1...65_536).contains($0) })
        else {
            throw TensorError(
                .invalidArgument,
                "mlp model: \(features) features, hidden layers \(hidden.prefix(65)) and \(classes) classes, expected 1 to "
                    + "\(1 << 24), 1 to 64 sizes up to 65536, and 1 to 65536")
        }
        let sizes = [features] + hidden + [classes]
        let count = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
        guard count <= PictureModel.Configuration.maximumParameters else {
            throw TensorError(
                .invalidArgument,
                "mlp model: \(count) parameters, expected at most \(PictureModel.Configuration.maximumParameters)")
        }
        self.features = features
        classCount = classes
        var layers: [Linear] = []
        for (inputs, outputs) in zip(sizes, sizes.dropFirst()) {
            layers.append(try Linear(inputs: inputs, outputs: outputs, initializer))
        }
        self.layers = layers
    }

    /// The layer that makes the scores.
    public var lastLayer: Linear { layers[layers.count - 1] }

    /// The layers under their positions, ReLUs counted.
    public var children: [(name: String, module: any Module)] {
        layers.enumerated().map { (name: String(2 * $0.offset), module: $0.element) }
    }

    /// Any inputs of D values together → `[B, K]`.
    public func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        let joined = try flattened(batch, features: features, name: "mlp")
        var hidden = joined
        for layer in layers.dropLast() { hidden = try layer.forward(hidden, context).relu() }
        return ModelOutput(logits: try lastLayer.forward(hidden, context), hidden: hidden, embedding: joined)
    }
}
