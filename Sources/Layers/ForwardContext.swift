internal import Randomness
public import Tensors
public import Weights

/// How a forward pass runs: for training with dropout, or for evaluation without.
///
/// Dropout masks come from the streams (seed, `"dropout"`, round, client, layer): every dropout layer has its own, and
/// its position moves on with every mask, so the masks of a round depend on nothing but these numbers and on how many
/// batches came before. Make one context for a client's whole task in a round.
public final class ForwardContext {
    /// Whether dropout is applied.
    public let isTraining: Bool

    private let seed: UInt64
    private let round: UInt32
    private let client: UInt32
    private var streams: [UInt32: RandomStream] = [:]

    private init(isTraining: Bool, seed: UInt64, round: UInt32, client: UInt32) {
        self.isTraining = isTraining
        self.seed = seed
        self.round = round
        self.client = client
    }

    /// The context of a training task.
    ///
    /// - Parameters:
    ///   - seed: the job's seed.
    ///   - client: a number of the client that does not depend on who else takes part.
    public static func training(seed: UInt64, round: UInt32 = 0, client: UInt32 = 0) -> ForwardContext {
        ForwardContext(isTraining: true, seed: seed, round: round, client: client)
    }

    /// A context without dropout.
    public static func evaluation() -> ForwardContext {
        ForwardContext(isTraining: false, seed: 0, round: 0, client: 0)
    }

    /// The next mask of a dropout layer: 0, or 1/keep with probability `keep`.
    ///
    /// - Parameter layer: the number of the layer, unique in its model.
    public func dropoutMask(
        _ shape: [Int],
        keep: Float,
        layer: UInt32,
        dtype: DType = .f32
    ) throws(TensorError) -> Tensor {
        var stream =
            streams[layer]
            ?? RandomStream(seed: seed, purpose: "dropout", round: round, client: client, layer: layer)
        defer { streams[layer] = stream }
        return try Tensor.dropoutMask(shape, keep: keep, from: &stream, dtype: dtype)
    }
}
