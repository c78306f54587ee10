/// A server's rule of which every block of every tensor follows from the same block of some tensors of the global
/// weights and of the updates.
protocol BlockRule: Sendable {
    /// What a round's updates say before the first block.
    associatedtype Plan: Sendable

    /// The strategy's name in job specifications.
    var name: String { get }
    /// Whether the next values are the old ones plus the round's update and nothing else.
    var isPlainSum: Bool { get }

    /// The weights of the clients for the report, and whatever the blocks need.
    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: Plan)

    /// The next values of the present block of a tensor of the model.
    func model(_ name: String, _ plan: Plan, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double>

    /// The next values of the present block of the auxiliary tensor of a kind that belongs to a tensor of the model; nil
    /// to keep them.
    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ plan: Plan, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>?
}

extension BlockRule {
    var isPlainSum: Bool { false }
}

extension UpdateOrder {
    /// nₖ / Σn.
    var shares: [Double] { updates.map { Double($0.examples) / Double(examples) } }
    /// 1/m.
    var evenShares: [Double] { updates.map { _ in 1 / Double(updates.count) } }
}
