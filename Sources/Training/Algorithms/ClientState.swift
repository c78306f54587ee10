public import Weights

/// What a client remembers of a job from round to round: SCAFFOLD's control, a personal model and the like.
public protocol ClientState {
    /// The tensors saved under a name in an earlier round, nil when there are none.
    ///
    /// - Parameters:
    ///   - schema: what they have to be.
    /// - Throws: `TrainingError` with code `weights` when they are of another schema or cannot be read.
    func load(_ name: String, schema: WeightsSchema) throws -> Weights?

    /// Saves tensors for the rounds to come.
    ///
    /// - Throws: `TrainingError` with code `output`.
    func save(_ name: String, _ weights: Weights) throws
}

/// Remembers nothing, for strategies without a memory.
public struct NoClientState: ClientState {
    /// Makes one.
    public init() {}

    /// Nothing.
    public func load(_ name: String, schema: WeightsSchema) -> Weights? { nil }

    /// Drops the tensors.
    public func save(_ name: String, _ weights: Weights) {}
}
