import Weights

/// FedDyn's server: h ← h − α (1/N) Σₖ Δₖ and w ← w + (1/m) Σₖ Δₖ − h / α over the m clients of the round, N being all
/// clients.
///
/// D. A. E. Acar et al., "Federated learning based on dynamic regularization", ICLR 2021, algorithm 1. The global
/// weights hold h as `aux.server.h.<tensor>`.
struct DynamicRule: BlockRule {
    /// `feddyn`.
    let name = "feddyn"
    let alpha: Double
    let population: Int

    /// A fold; `alpha` is more than 0, `population` is N, at least 1.
    init(alpha: Double, population: Int) {
        precondition(alpha > 0 && population > 0, "α and a federation are more than nothing")
        self.alpha = alpha
        self.population = population
    }

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: [Double]) {
        (reader.order.evenShares, reader.order.evenShares)
    }

    func model(_ name: String, _ plan: [Double], _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let term = try term(name, reader)
        let mean = try reader.combined(name, plan, slot: 0)
        let weights = try reader.global(name, slot: 2)
        for element in weights.indices { weights[element] += mean[element] - term[element] / alpha }
        return weights
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ plan: [Double], _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        kind == .dynamic ? try term(tensor, reader) : nil
    }

    /// The next h, in slot 1.
    private func term(_ name: String, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let share = 1 / Double(population)
        let sum = try reader.combined(name, reader.order.updates.map { _ in share }, slot: 0)
        let term = try reader.global(AuxiliaryKind.dynamic.name(name), slot: 1)
        for element in term.indices { term[element] -= alpha * sum[element] }
        return term
    }
}
