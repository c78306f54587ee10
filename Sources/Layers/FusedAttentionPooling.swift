public import Tensors

/// Multi-head additive self-attention pooling over time, named `fuse_base` in the FedMultimodal benchmark.
///
/// For states H [B, T, D]: S = W₂ tanh(W₁ H + b₁) + b₂ transposed to [B, heads, T]; masked positions are set to −1e5; the
/// softmax over time weighs the states of each head; V = softmax(S) H is flattened to [B, heads · D].
///
/// Parameters: `att_fc1.weight` [512, D], `att_fc1.bias`, `att_fc2.weight` [heads, 512], `att_fc2.bias`.
public final class FusedAttentionPooling: Module {
    /// The number of weighted sums.
    public let heads: Int

    /// What masked scores are set to; a number and not −∞, so that a row that is masked throughout stays finite.
    public static let maskedScore = -1e5

    private let first: Linear
    private let second: Linear

    /// Makes the two linear layers with their default values.
    ///
    /// - Parameters:
    ///   - features: D.
    ///   - attention: the width between the two layers.
    public init(
        features: Int,
        heads: Int = 6,
        attention: Int = 512,
        _ initializer: Initializer
    ) throws(TensorError) {
        self.heads = heads
        first = try Linear(inputs: features, outputs: attention, initializer)
        second = try Linear(inputs: attention, outputs: heads, initializer)
    }

    /// The two linear layers.
    public var children: [(name: String, module: any Module)] {
        [(name: "att_fc1", module: first), (name: "att_fc2", module: second)]
    }

    /// Pools states [B, T, D] to [B, heads · D].
    ///
    /// - Parameter masked: truth values [B, T], or [B, heads, T] for each head its own, true where a position must not
    ///   count; nil when all count. Where all positions of a row are masked, all weigh the same.
    public func forward(
        _ states: Tensor,
        masked: Tensor? = nil,
        _ context: ForwardContext
    ) throws(TensorError) -> Tensor {
        let shape = states.shape
        guard shape.count == 3 else {
            throw TensorError(.invalidArgument, "attention: expected states [batch, time, features], found \(shape)")
        }
        if let masked {
            let isPerHead = masked.shape == [shape[0], heads, shape[1]]
            guard isPerHead || masked.shape == [shape[0], shape[1]] else {
                throw TensorError(
                    .invalidArgument,
                    "attention: expected a mask \([shape[0], shape[1]]), found \(masked.shape)")
            }
        }
        guard let firstBias = first.bias, let secondBias = second.bias else {
            throw TensorError(.invalidArgument, "attention: expected layers with biases")
        }
        return try states.additiveAttention(
            .init(
                firstWeight: first.weight, firstBias: firstBias, secondWeight: second.weight, secondBias: secondBias),
            masked: masked, maskedScore: Self.maskedScore
        ).reshaped([shape[0], heads * shape[2]])
    }

    /// The mask for streams that were joined along time.
    ///
    /// - Parameter streams: for each stream in order, its number of steps and the true length of every sample (nil when
    ///   all steps count). Lengths above the steps count as all, negative ones as none.
    /// - Returns: truth values [B, Σ steps], true after a sample's end in each stream; nil when no stream has lengths.
    public static func mask(
        batch: Int,
        streams: [(steps: Int, lengths: [Int]?)]
    ) throws(TensorError) -> Tensor? {
        guard streams.contains(where: { $0.lengths != nil }) else { return nil }
        var flags: [Bool] = []
        for sample in 0..<max(0, batch) {
            for (steps, lengths) in streams {
                if let lengths, lengths.count != batch {
                    throw TensorError(
                        .invalidArgument, "attention: expected \(batch) lengths, found \(lengths.count)")
                }
                let length = lengths?[sample] ?? steps
                flags.append(contentsOf: (0..<max(0, steps)).map { $0 >= length })
            }
        }
        return try Tensor(flags, shape: [batch, streams.reduce(0) { $0 + max(0, $1.steps) }])
    }
}
