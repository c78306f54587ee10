import Weights

/// Federated averaging: w ← w + Δ̄, with the round's update Δ̄, Σₖ (nₖ / Σn) Δₖ by default.
///
/// H. B. McMahan, E. Moore, D. Ramage, S. Hampson, B. Agüera y Arcas, "Communication-efficient learning of deep
/// networks from decentralized data", AISTATS 2017.
///
/// For each element, in Float64: the sum starts at 0, the products of weight and update are added in the order of the
/// UTF-8 bytes of the client ids, the global value is added last, and the result is rounded once to the tensor's type.
struct AveragingRule: BlockRule {
    /// `fedavg`.
    let name = "fedavg"
    let isPlainSum = true

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: Bool) {
        (reader.context.combined.weights, true)
    }

    func model(_ name: String, _ plan: Bool, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let sums = try reader.update(name, slot: 0)
        let old = try reader.global(name, slot: 1)
        for element in sums.indices { sums[element] += old[element] }
        return sums
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ plan: Bool, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        nil
    }
}
