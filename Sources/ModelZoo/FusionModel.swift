public import Layers
public import Tensors
internal import Weights

/// The classifiers of the FedMultimodal benchmark (Feng et al., KDD 2023): every modality is encoded to a sequence of
/// states of H features, one of two fusions makes a vector of them, and a classifier of two layers scores it.
///
/// - **attention** (`fuse_base`): the states of all modalities, joined along time, are pooled by additive attention of six
///   heads; the classifier is Linear(6 H → 64), ReLU, Dropout, Linear(64 → K).
/// - **concat**: each modality's states are averaged over time and joined; the classifier is Linear(M H → 64), ReLU,
///   Dropout (not in `har` and `ecg`), Linear(64 → K). Most of the benchmark's models also keep a projection H → H/2 for
///   each modality that nothing uses; they are here so that the weights load into its own classes, and they are
///   transmitted and never trained.
///
/// Names and shapes are those of the benchmark's `state_dict`: `acc_conv.conv1.weight` [32, 3, 5],
/// `text_rnn.weight_ih_l0` [384, 512], `img_proj.0.weight`, `fuse_att.att_fc1.weight` [512, 128], `classifier.0.weight`, …;
/// `unimodal` has `conv`, `rnn` and `att` without prefixes. With H = 128, `har` of six classes has 420,684 parameters with
/// attention and 318,790 that are trained with concat.
///
/// **Lengths.** By default an example's output is what its valid steps alone would give: values after its end count
/// nowhere, and a modality without steps (fewer than eight before the convolutions) adds nothing, whatever its values:
/// attention gives it no weight, concat a vector of zeros. Without any modality the embedding is zero.
///
/// With `faithful`, lengths are taken as the benchmark's code takes them, for comparison with its numbers: values after
/// an end count as zeros; `har` and `ecg` run their recurrences over all steps, the others over the true lengths only if
/// the batch's first is not zero; concat averages over all steps; after the convolutions of `ser` and `unimodal` an
/// absent modality keeps one step; and the attention of `unimodal` weighs all steps, but in heads from the length on all
/// alike. Such a batch in which the first example has a length and another has none is an error, as it is there.
///
/// Dropout streams: modality m uses the layers 3m, 3m+1, 3m+2 (a projection 3m), the classifier of M modalities 3M.
public final class FusionModel: MultimodalModel {
    /// The sizes.
    public let configuration: Configuration

    private let encoders: [ModalityEncoder]
    private let attention: FusedAttentionPooling?
    private let projections: [(name: String, module: Linear)]
    private let classifier: Sequential
    /// The last linear layer of the classifier.
    public let lastLayer: Linear

    /// Makes a model with PyTorch's default initial values.
    ///
    /// Parameters are drawn in the order of `children`.
    ///
    /// - Throws: `TensorError` for sizes out of range.
    public init(_ configuration: Configuration, _ initializer: Initializer) throws(TensorError) {
        try configuration.check()
        self.configuration = configuration
        let hidden = configuration.hidden
        let inputs = configuration.inputs
        var fronts: [ModalityEncoder.Front] = []
        for (index, input) in inputs.enumerated() {
            fronts.append(try Self.front(input, configuration, layer: UInt32(3 * index), initializer))
        }
        var encoders: [ModalityEncoder] = []
        for (input, front) in zip(inputs, fronts) {
            let recurrence: GRU? =
                switch input.encoder {
                case .convolution: try GRU(inputs: hidden, hidden: hidden, initializer)
                case .recurrent: try GRU(inputs: input.features, hidden: hidden, initializer)
                case .projection: nil
                }
            encoders.append(
                ModalityEncoder(
                    input: input, front: front, recurrence: recurrence,
                    quirks: configuration.faithful ? configuration.family.quirks : nil))
        }
        self.encoders = encoders
        attention =
            configuration.fusion == .attention
            ? try FusedAttentionPooling(
                features: hidden, heads: Configuration.heads, attention: Configuration.attentionWidth, initializer)
            : nil
        var projections: [(name: String, module: Linear)] = []
        if configuration.fusion == .concat, configuration.family.keepsProjections {
            for input in inputs where input.encoder != .projection {
                projections.append(
                    (name: "\(input.name)_proj", module: try Linear(inputs: hidden, outputs: hidden / 2, initializer)))
            }
        }
        self.projections = projections
        let width = Configuration.classifierWidth
        let first = try Linear(inputs: configuration.embedding, outputs: width, initializer)
        lastLayer = try Linear(inputs: width, outputs: configuration.classes, initializer)
        let dropout = try Dropout(probability: configuration.dropout, layer: UInt32(3 * inputs.count))
        let dropsOut = configuration.fusion == .attention || configuration.family.concatDropsOut
        classifier = Sequential(dropsOut ? [first, ReLU(), dropout, lastLayer] : [first, ReLU(), lastLayer])
    }

    private static func front(
        _ input: Input,
        _ configuration: Configuration,
        layer: UInt32,
        _ initializer: Initializer
    ) throws(TensorError) -> ModalityEncoder.Front {
        let hidden = configuration.hidden
        switch input.encoder {
        case .convolution:
            return .convolution(
                try ConvolutionEncoder(
                    inputs: input.features, hidden: hidden, dropout: configuration.dropout, layer: layer, initializer))
        case .recurrent: return .nothing
        case .projection:
            return .projection(
                try Sequential([
                    Linear(inputs: input.features, outputs: hidden, initializer), ReLU(),
                    Dropout(probability: configuration.dropout, layer: layer),
                    Linear(inputs: hidden, outputs: hidden, initializer),
                ]))
        }
    }

    /// K.
    public var classCount: Int { configuration.classes }

    /// `<modality>_conv` or `<modality>_proj`, `<modality>_rnn`, then `fuse_att` or the unused `<modality>_proj`, then
    /// `classifier`.
    public var children: [(name: String, module: any Module)] {
        let isAlone = configuration.family == .unimodal
        func name(_ input: Input, _ part: String) -> String { isAlone ? part : "\(input.name)_\(part)" }
        var all: [(name: String, module: any Module)] = []
        for encoder in encoders {
            switch encoder.front {
            case .convolution(let module): all.append((name: name(encoder.input, "conv"), module: module))
            case .projection(let module): all.append((name: name(encoder.input, "proj"), module: module))
            case .nothing: break
            }
        }
        for encoder in encoders {
            if let recurrence = encoder.recurrence {
                all.append((name: name(encoder.input, "rnn"), module: recurrence))
            }
        }
        if let attention { all.append((name: isAlone ? "att" : "fuse_att", module: attention)) }
        for projection in projections { all.append((name: projection.name, module: projection.module)) }
        all.append((name: "classifier", module: classifier))
        return all
    }

    /// One tensor a modality, `[B, T, features]` (a projection also `[B, features]`) → `[B, K]`.
    ///
    /// Lengths are 0...T.
    public func output(_ batch: ModelBatch, _ context: ForwardContext) throws(TensorError) -> ModelOutput {
        try checkInputs(batch, count: encoders.count)
        var streams: [ModalityEncoder.States] = []
        for (index, encoder) in encoders.enumerated() {
            streams.append(try encoder.forward(batch.inputs[index], lengths: batch.lengths[index], context))
        }
        let embedding = try fused(streams, context)
        let (hidden, logits) = try classifier.forwardKeepingInput(embedding, context)
        return ModelOutput(logits: logits, hidden: hidden, embedding: embedding)
    }

    private func fused(
        _ streams: [ModalityEncoder.States], _ context: ForwardContext
    ) throws(TensorError) -> Tensor {
        guard let attention else {
            var means: [Tensor] = []
            for stream in streams { means.append(try mean(stream)) }
            return try Tensor.concatenate(means, axis: 1)
        }
        let joined = try Tensor.concatenate(streams.map(\.values), axis: 1)
        return try attention.forward(joined, masked: mask(streams, joined, attention), context)
    }

    private func mask(
        _ streams: [ModalityEncoder.States],
        _ joined: Tensor,
        _ attention: FusedAttentionPooling
    ) throws(TensorError) -> Tensor? {
        if configuration.faithful, configuration.family == .unimodal {
            return try streams[0].lengths.map { lengths throws(TensorError) in
                try StepMask.rowsBeyond(lengths, rows: attention.heads, steps: joined.shape[1])
            }
        }
        return try FusedAttentionPooling.mask(
            batch: joined.shape[0], streams: streams.map { (steps: $0.values.shape[1], lengths: $0.lengths) })
    }

    /// The mean over valid steps, zero where there are none; over all steps if faithful.
    private func mean(_ stream: ModalityEncoder.States) throws(TensorError) -> Tensor {
        guard let lengths = stream.lengths, !configuration.faithful else { return try stream.values.mean(axis: 1) }
        let weights = try Tensor(lengths.map { $0 > 0 ? 1 / Double($0) : 0 }, shape: [lengths.count, 1])
        return try stream.values.sum(axis: 1) * weights.to(stream.values.dtype ?? .f32)
    }
}
