public import Tensors

/// One gated recurrent layer, one direction, batch first; `Tensor.gru` has the equations.
///
/// Parameters, rows in the order reset, update, new: `weight_ih_l0` [3 H, D], `weight_hh_l0` [3 H, H], `bias_ih_l0` [3 H],
/// `bias_hh_l0` [3 H].
public final class GRU: Module {
    /// The number of features of a state, H.
    public let hidden: Int

    private let inputWeight: Tensor
    private let hiddenWeight: Tensor
    private let inputBias: Tensor
    private let hiddenBias: Tensor

    /// Draws all parameters from U(−1/√hidden, 1/√hidden).
    public init(inputs: Int, hidden: Int, _ initializer: Initializer) throws(TensorError) {
        let (rows, overflow) = hidden.multipliedReportingOverflow(by: 3)
        guard !overflow else {
            throw TensorError(.invalidArgument, "GRU: \(hidden) hidden features are too many")
        }
        self.hidden = hidden
        inputWeight = try initializer.uniform([rows, inputs], fanIn: hidden)
        hiddenWeight = try initializer.uniform([rows, hidden], fanIn: hidden)
        inputBias = try initializer.uniform([rows], fanIn: hidden)
        hiddenBias = try initializer.uniform([rows], fanIn: hidden)
    }

    /// The two weights and the two biases.
    public var ownParameters: [(name: String, tensor: Tensor)] {
        [
            (name: "weight_ih_l0", tensor: inputWeight),
            (name: "weight_hh_l0", tensor: hiddenWeight),
            (name: "bias_ih_l0", tensor: inputBias),
            (name: "bias_hh_l0", tensor: hiddenBias),
        ]
    }

    /// Runs over sequences [B, T, D] from a zero state.
    ///
    /// - Parameters:
    ///   - lengths: the true length of every sequence, 1...T in any order; nil when all are T.
    ///   - totalLength: with lengths, the number of steps of the output; the longest length when nil.
    /// - Returns: the states [B, T, H], zero after a sequence's end, and the last state of every sequence [1, B, H].
    public func forward(
        _ input: Tensor,
        lengths: [Int]? = nil,
        totalLength: Int? = nil
    ) throws(TensorError) -> (states: Tensor, last: Tensor) {
        try input.gru(
            .init(
                inputWeight: inputWeight, hiddenWeight: hiddenWeight, inputBias: inputBias, hiddenBias: hiddenBias),
            lengths: lengths,
            totalLength: totalLength)
    }
}
