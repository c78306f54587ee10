internal import CTorch

extension Tensor {
    /// The matrix product with PyTorch's rules for one, two and more axes.
    public func matmul(_ other: Tensor) throws(TensorError) -> Tensor {
        try binary("matmul", CT_MATMUL, other)
    }

    /// `self + a b` for matrices a and b; `self` broadcasts.
    public func addingProduct(_ a: Tensor, _ b: Tensor) throws(TensorError) -> Tensor {
        try Tensor.make("addingProduct") { ct_addmm(handle, a.handle, b.handle, $0) }
    }

    /// x wᵀ + b over the last axis: x [..., in], weight [out, in], bias [out].
    public func linear(weight: Tensor, bias: Tensor? = nil) throws(TensorError) -> Tensor {
        try Tensor.make("linear") { ct_linear(handle, weight.handle, bias?.handle, $0) }
    }

    /// Cross-correlation along the last axis: x [B, in, T], weight [out, in / groups, kernel], bias [out].
    public func conv1d(
        weight: Tensor,
        bias: Tensor? = nil,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1
    ) throws(TensorError) -> Tensor {
        try Tensor.make("conv1d") {
            ct_conv1d(
                handle, weight.handle, bias?.handle, Int64(stride), Int64(padding), Int64(dilation), Int64(groups), $0)
        }
    }

    /// The maxima of windows along the last axis, the last incomplete window dropped.
    ///
    /// - Parameter stride: the window's size when nil.
    public func maxPool1d(kernel: Int, stride: Int? = nil, padding: Int = 0) throws(TensorError) -> Tensor {
        try Tensor.make("maxPool1d") {
            ct_max_pool1d(handle, Int64(kernel), Int64(stride ?? kernel), Int64(padding), $0)
        }
    }

    /// Cross-correlation of pictures: x [B, in, rows, columns], weight [out, in / groups, kernel, kernel], bias [out]. Stride,
    /// padding and dilation are the same along both axes.
    public func conv2d(
        weight: Tensor,
        bias: Tensor? = nil,
        stride: Int = 1,
        padding: Int = 0,
        dilation: Int = 1,
        groups: Int = 1
    ) throws(TensorError) -> Tensor {
        try Tensor.make("conv2d") {
            ct_conv2d(
                handle, weight.handle, bias?.handle, Int64(stride), Int64(padding), Int64(dilation), Int64(groups), $0)
        }
    }

    /// The maxima of square windows over the last two axes, incomplete windows dropped.
    ///
    /// - Parameter stride: the window's size when nil.
    public func maxPool2d(kernel: Int, stride: Int? = nil, padding: Int = 0) throws(TensorError) -> Tensor {
        try Tensor.make("maxPool2d") {
            ct_max_pool2d(handle, Int64(kernel), Int64(stride ?? kernel), Int64(padding), $0)
        }
    }

    /// A convolution along time with what follows it in many encoders, as one operation: bias, ReLU, the maxima of pairs of
    /// steps, and dropout.
    ///
    /// The same as `conv1d` of the input with its axes exchanged (stride 1, padding so that no step is lost), `relu`,
    /// `maxPool1d(kernel: 2)`, times the mask, and its axes exchanged back; and several times faster.
    ///
    /// - Parameters:
    ///   - weight: [out, in, kernel] with an odd kernel.
    ///   - bias: [out].
    ///   - mask: 0, or a scale that is not negative, for each element of the result in the order [B, out, T/2]; nil for none.
    /// - Returns: x [B, T, in] → [B, ⌊T/2⌋, out].
    /// - Throws: `TensorError` when the shapes do not fit, T is below 2 or the numbers are not 32-bit or 64-bit floats.
    public func pooledConvolution(
        weight: Tensor,
        bias: Tensor,
        mask: Tensor? = nil
    ) throws(TensorError) -> Tensor {
        try Tensor.make("pooledConvolution") {
            ct_pooled_convolution(handle, weight.handle, bias.handle, mask?.handle, $0)
        }
    }

    /// A convolution of pictures with what follows it in many networks, as one operation: bias, ReLU and, if wanted, the
    /// maxima of 2 × 2 and dropout.
    ///
    /// The same as `conv2d` of the input with its channels before its rows (stride 1, no padding), `relu`,
    /// `maxPool2d(kernel: 2)`, times the mask; and several times faster.
    ///
    /// - Parameters:
    ///   - weight: [out, in, kernel, kernel].
    ///   - bias: [out].
    ///   - pools: whether maxima are taken.
    ///   - mask: for pooled pictures a factor for each element of the result; nil for none.
    /// - Returns: x [B, rows, columns, in] → [B, h, w, out] with h = rows − kernel + 1; pooled [B, out, ⌊h/2⌋, ⌊w/2⌋].
    /// - Throws: `TensorError` when the shapes do not fit or the numbers are not 32-bit or 64-bit floats.
    public func pictureConvolution(
        weight: Tensor,
        bias: Tensor,
        pools: Bool,
        mask: Tensor? = nil
    ) throws(TensorError) -> Tensor {
        try Tensor.make("pictureConvolution") {
            ct_picture_convolution(handle, weight.handle, bias.handle, pools, mask?.handle, $0)
        }
    }

    /// The parameters of additive attention: two linear layers with biases.
    public struct AttentionParameters {
        /// [A, D].
        public var firstWeight: Tensor
        /// [A].
        public var firstBias: Tensor
        /// [heads, A].
        public var secondWeight: Tensor
        /// [heads].
        public var secondBias: Tensor

        /// Gathers the parameters.
        public init(firstWeight: Tensor, firstBias: Tensor, secondWeight: Tensor, secondBias: Tensor) {
            self.firstWeight = firstWeight
            self.firstBias = firstBias
            self.secondWeight = secondWeight
            self.secondBias = secondBias
        }
    }

    /// Weighted sums over time of states H [B, T, D], one a head: softmax(S) H with the scores
    /// S = W₂ tanh(W₁ H + b₁) + b₂ transposed to [B, heads, T] and the softmax over time, as one operation.
    ///
    /// - Parameters:
    ///   - masked: truth values [B, T], or [B, heads, T] for each head its own: true where the score is `maskedScore` instead.
    /// - Returns: [B, heads, D].
    /// - Throws: `TensorError` when the shapes do not fit or the numbers are not 32-bit or 64-bit floats.
    public func additiveAttention(
        _ parameters: AttentionParameters,
        masked: Tensor? = nil,
        maskedScore: Double
    ) throws(TensorError) -> Tensor {
        try Tensor.make("additiveAttention") {
            ct_additive_attention(
                handle, parameters.firstWeight.handle, parameters.firstBias.handle, parameters.secondWeight.handle,
                parameters.secondBias.handle, masked?.handle, maskedScore, $0)
        }
    }

    /// The parameters of one GRU layer, rows in PyTorch's order of gates (reset, update, new).
    public struct GRUParameters {
        /// [3 H, D].
        public var inputWeight: Tensor
        /// [3 H, H].
        public var hiddenWeight: Tensor
        /// [3 H], or nil.
        public var inputBias: Tensor?
        /// [3 H], or nil.
        public var hiddenBias: Tensor?

        /// Gathers the parameters; both biases or none are needed.
        public init(inputWeight: Tensor, hiddenWeight: Tensor, inputBias: Tensor?, hiddenBias: Tensor?) {
            self.inputWeight = inputWeight
            self.hiddenWeight = hiddenWeight
            self.inputBias = inputBias
            self.hiddenBias = hiddenBias
        }
    }

    /// One gated recurrent layer over sequences x [B, T, D].
    ///
    /// r = σ(W_ir x + b_ir + W_hr h + b_hr), z likewise, n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)),
    /// h′ = (1 − z) ⊙ n + z ⊙ h (Cho et al. 2014, in PyTorch's form).
    ///
    /// - Parameters:
    ///   - initial: the state before the first step, [1, B, H]; zero when nil.
    ///   - lengths: the true length of every sequence, 1...T in any order; nil when all are T. Results equal PyTorch's
    ///     `pack_padded_sequence(enforce_sorted=False)` followed by `pad_packed_sequence`.
    ///   - totalLength: with lengths, the number of steps of the output; the longest length when nil.
    /// - Returns: the states [B, T, H] (zero after a sequence's end) and the last state of every sequence [1, B, H].
    public func gru(
        _ parameters: GRUParameters,
        initial: Tensor? = nil,
        lengths: [Int]? = nil,
        totalLength: Int? = nil
    ) throws(TensorError) -> (states: Tensor, last: Tensor) {
        guard (parameters.inputBias == nil) == (parameters.hiddenBias == nil) else {
            throw TensorError(.invalidArgument, "gru: expected both biases or none, found one")
        }
        let steps = lengths?.map(Int64.init)
        var states: OpaquePointer?
        var last: OpaquePointer?
        try checkNative("gru") { message in
            ct_gru(
                handle, initial?.handle, parameters.inputWeight.handle, parameters.hiddenWeight.handle,
                parameters.inputBias?.handle, parameters.hiddenBias?.handle, steps, steps?.count ?? 0,
                Int64(totalLength ?? 0), &states, &last, message)
        }
        guard let states, let last else {
            throw TensorError(.outOfMemory, "gru: no result")
        }
        return (Tensor(owning: states), Tensor(owning: last))
    }

    /// e^x / Σ e^x along one axis.
    public func softmax(axis: Int) throws(TensorError) -> Tensor {
        try Tensor.make("softmax") { ct_softmax(handle, Int64(axis), $0) }
    }

    /// The logarithm of `softmax`, computed without overflow.
    public func logSoftmax(axis: Int) throws(TensorError) -> Tensor {
        try Tensor.make("logSoftmax") { ct_log_softmax(handle, Int64(axis), $0) }
    }

    /// How a loss of many examples becomes one number.
    public enum Reduction: Sendable {
        /// The mean over examples.
        case mean
        /// The sum over examples.
        case sum
    }

    /// −Σ log p(target) of log probabilities [N, C] for N class indices.
    public func negativeLogLikelihood(
        _ target: Tensor,
        reduction: Reduction = .mean
    ) throws(TensorError) -> Tensor {
        try Tensor.make("negativeLogLikelihood") { ct_nll_loss(handle, target.handle, reduction == .mean, $0) }
    }

    /// −Σ log softmax(logits)[target] of logits [N, C] for N class indices.
    public func crossEntropy(_ target: Tensor, reduction: Reduction = .mean) throws(TensorError) -> Tensor {
        try Tensor.make("crossEntropy") { ct_cross_entropy(handle, target.handle, reduction == .mean, $0) }
    }

    /// −Σ (t log σ(x) + (1 − t) log(1 − σ(x))) of logits x and targets t in [0, 1] of the same shape, computed without
    /// overflow; the mean is over all elements.
    public func binaryCrossEntropyWithLogits(
        _ target: Tensor,
        reduction: Reduction = .mean
    ) throws(TensorError) -> Tensor {
        try Tensor.make("binaryCrossEntropyWithLogits") {
            ct_binary_cross_entropy(handle, target.handle, reduction == .mean, $0)
        }
    }
}
