public import Datasets
public import Tensors

/// The inputs of one forward pass.
public struct ModelBatch {
    /// One tensor a modality, `[B, shape…]`.
    public var inputs: [Tensor]
    /// Valid steps of every example, for the modalities that carry lengths.
    public var lengths: [[Int]?]
    /// The classes, 64-bit integers `[B]`, or the targets `[B, K]` of several labels; nil where they are not known.
    public var labels: Tensor?

    /// Gathers the parts.
    ///
    /// - Parameter lengths: one entry a modality; none has lengths when nil.
    public init(inputs: [Tensor], lengths: [[Int]?]? = nil, labels: Tensor? = nil) {
        self.inputs = inputs
        self.lengths = lengths ?? Array(repeating: nil, count: inputs.count)
        self.labels = labels
    }

    /// Copies rows of a data set into tensors.
    ///
    /// - Parameters:
    ///   - view: the rows, at least one.
    ///   - modalities: positions of the modalities to take, in the model's order; all when nil.
    public init(_ view: DatasetView, modalities: [Int]? = nil) throws(TensorError) {
        let chosen = modalities ?? Array(view.dataset.modalities.indices)
        var inputs: [Tensor] = []
        for modality in chosen {
            inputs.append(
                try Tensor(
                    view.gather(modality: modality), shape: [view.count] + view.dataset.modalities[modality].shape))
        }
        self.inputs = inputs
        lengths = chosen.map { view.lengths(modality: $0) }
        if let targets = view.targets {
            labels = try Tensor(targets, shape: [view.count, view.dataset.classes.count])
        } else {
            labels = try Tensor(view.labels, shape: [view.count])
        }
    }
}
