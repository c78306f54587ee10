import Weights

/// SCAFFOLD's server: w ← w + (1/m) Σₖ Δₖ and c ← c + (1/N) Σₖ Δcₖ over the m clients of the round, N being all clients.
///
/// S. P. Karimireddy et al., "SCAFFOLD: stochastic controlled averaging for federated learning", ICML 2020, with a
/// global step size of 1. The mean does not weigh examples, as in the paper. The global weights hold c, and the updates
/// Δcₖ = cₖ⁺ − cₖ, as `aux.control.<tensor>`.
struct ScaffoldRule: BlockRule {
    /// `scaffold`.
    let name = "scaffold"
    let population: Int

    /// A fold; `population` is N, at least 1.
    init(population: Int) {
        precondition(population > 0, "a federation has a client")
        self.population = population
    }

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: [Double]) {
        (reader.order.evenShares, reader.order.evenShares)
    }

    func model(_ name: String, _ plan: [Double], _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let mean = try reader.combined(name, plan, slot: 0)
        let weights = try reader.global(name, slot: 1)
        for element in weights.indices { weights[element] += mean[element] }
        return weights
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ plan: [Double], _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        guard kind == .control else { return nil }
        let change = try reader.combined(kind.name(tensor), plan.map { _ in 1 / Double(population) }, slot: 0)
        let control = try reader.global(kind.name(tensor), slot: 1)
        for element in control.indices { control[element] += change[element] }
        return control
    }
}
