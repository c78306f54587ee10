public import Layers
public import Tensors
internal import Weights

/// Three convolutions along time, each followed by ReLU, pooling by two and dropout; `Conv1dEncoder` of the
/// FedMultimodal benchmark (Feng et al., KDD 2023).
///
/// Kernel 5, stride 1, padding 2; channels D → H/4 → H/2 → H. Parameters: `conv1`, `conv2`, `conv3`.
public final class ConvolutionEncoder: Module {
    /// How many steps of the input one step of the output stands for.
    public static let reduction = 8

    private let convolutions: [Conv1d]
    private let dropouts: [Dropout]

    /// Makes the encoder.
    ///
    /// - Parameters:
    ///   - inputs: D, the features of a step.
    ///   - hidden: H, a multiple of 4.
    ///   - dropout: the probability of zero after each pooling.
    ///   - layer: the number of the first of its three streams of dropout masks.
    public init(
        inputs: Int,
        hidden: Int,
        dropout: Double,
        layer: UInt32,
        _ initializer: Initializer
    ) throws(TensorError) {
        let channels = [inputs, hidden / 4, hidden / 2, hidden]
        var convolutions: [Conv1d] = []
        var dropouts: [Dropout] = []
        for stage in 0..<3 {
            convolutions.append(
                try Conv1d(
                    inputs: channels[stage], outputs: channels[stage + 1], kernel: 5, padding: 2, initializer))
            dropouts.append(try Dropout(probability: dropout, layer: layer + UInt32(stage)))
        }
        self.convolutions = convolutions
        self.dropouts = dropouts
    }

    /// The three convolutions.
    public var children: [(name: String, module: any Module)] {
        convolutions.enumerated().map { (name: "conv\($0.offset + 1)", module: $0.element) }
    }

    /// `[B, T, D]` → `[B, ⌊⌊⌊T/2⌋/2⌋/2⌋, H]`.
    ///
    /// - Parameter lengths: the true length of every example, in 0...T; nil when all are T. Values after an example's end
    ///   then count, in every convolution, as the zeros with which a convolution pads: the first ⌊length/8⌋ steps are
    ///   those of the example alone, whatever follows it in the batch. Steps after these mean nothing.
    public func forward(
        _ input: Tensor,
        lengths: [Int]? = nil,
        _ context: ForwardContext
    ) throws(TensorError) -> Tensor {
        guard input.rank == 3, input.shape[1] >= Self.reduction else {
            throw TensorError(
                .invalidArgument,
                "convolution encoder: expected [batch, at least \(Self.reduction) steps, features], found \(input.shape)"
            )
        }
        let (batch, steps) = (input.shape[0], input.shape[1])
        let dtype = input.dtype ?? .f32
        var value = input
        for (stage, convolution) in convolutions.enumerated() {
            if let lengths {
                let ends = lengths.map { $0 >> stage }
                value = try value.maskedFill(StepMask.beyond(ends, steps: steps >> stage).unsqueezed(2), 0)
            }
            let mask = try dropouts[stage].mask(
                [batch, convolution.bias.count, steps >> (stage + 1)], context, dtype: dtype)
            value = try value.pooledConvolution(weight: convolution.weight, bias: convolution.bias, mask: mask)
        }
        return value
    }
}
