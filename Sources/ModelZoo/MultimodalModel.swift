public import Layers
public import Tensors

/// A classifier of examples with several inputs.
///
/// Inputs come as one tensor a modality, in the order the model was made with. Like every module, a model belongs to
/// one thread.
public protocol MultimodalModel: Module {
    /// The number of classes K.
    var classCount: Int { get }

    /// The layer that makes the scores out of ``ModelOutput/hidden``.
    var lastLayer: Linear { get }

    /// A forward pass with what lies before the scores.
    ///
    /// - Throws: `TensorError` when an input does not fit.
    func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput
}

/// What a forward pass gives.
public struct ModelOutput {
    /// Scores of the classes before the softmax, `[B, K]`.
    public var logits: Tensor
    /// The input of the last layer, `[B, H]`.
    public var hidden: Tensor
    /// The fused representation before the classifier, `[B, E]`.
    public var embedding: Tensor

    /// Gathers the parts.
    public init(logits: Tensor, hidden: Tensor, embedding: Tensor) {
        self.logits = logits
        self.hidden = hidden
        self.embedding = embedding
    }
}

extension MultimodalModel {
    /// Scores of the classes before the softmax, `[B, K]`.
    ///
    /// - Throws: `TensorError` when an input does not fit.
    public func logits(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> Tensor {
        try output(batch, context).logits
    }

    /// All inputs flattened and joined, `[B, features]`.
    func flattened(_ batch: ModelBatch, features: Int, name: String) throws(TensorError) -> Tensor {
        try checkInputs(batch, count: batch.inputs.count)
        let size = batch.inputs[0].shape[0]
        var flat: [Tensor] = []
        for input in batch.inputs { flat.append(try input.reshaped([size, -1])) }
        let joined = flat.count == 1 ? flat[0] : try Tensor.concatenate(flat, axis: 1)
        guard joined.shape == [size, features] else {
            throw TensorError(
                .invalidArgument,
                "\(name) model: the inputs hold \(joined.shape.last ?? 0) values an example, expected \(features)")
        }
        return joined
    }

    /// Checks the number of inputs and that all have the batch's size.
    func checkInputs(_ batch: ModelBatch, count: Int) throws(TensorError) {
        guard batch.inputs.count == count, batch.lengths.count == count else {
            throw TensorError(
                .invalidArgument, "model: expected \(count) inputs, found \(batch.inputs.count)")
        }
        guard let size = batch.inputs.first?.shape.first, batch.inputs.allSatisfy({ $0.shape.first == size }) else {
            throw TensorError(
                .invalidArgument, "model: the inputs differ in batch size: \(batch.inputs.map(\.shape))")
        }
    }
}
