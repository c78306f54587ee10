import Weights

/// FedNova: with pₖ = nₖ / Σn and aₖ the effective number of client k's local steps,
/// w ← w + τ Σₖ pₖ Δₖ / aₖ, where τ = Σₖ pₖ aₖ.
///
/// J. Wang et al., "Tackling the objective inconsistency problem in heterogeneous federated optimization", NeurIPS 2020.
/// Each update holds aₖ as `aux.steps`, one F32; the global weights hold τ of the last round there, for the record.
struct NormalisedRule: BlockRule {
    /// The steps that a client can claim; other claims count as the nearest of these. A client that claims many makes
    /// its own part smaller and the step longer.
    static let stepsRange = 1.0...16_777_216.0

    struct Plan: Sendable {
        /// τ pₖ / aₖ.
        var factors: [Double]
        /// τ.
        var effectiveSteps: Double
    }

    /// `fednova`.
    let name = "fednova"

    func plan(_ reader: BlockReader) throws -> (weights: [Double], plan: Plan) {
        let shares = reader.order.shares
        let steps = try reader.scalars(AuxiliaryKind.steps.rawValue).map {
            min(max($0, Self.stepsRange.lowerBound), Self.stepsRange.upperBound)
        }
        var effective = 0.0
        for (share, count) in zip(shares, steps) { effective += share * count }
        let factors = zip(shares, steps).map { effective * $0 / $1 }
        return (factors, Plan(factors: factors, effectiveSteps: effective))
    }

    func model(_ name: String, _ plan: Plan, _ reader: BlockReader) throws -> UnsafeMutableBufferPointer<Double> {
        let change = try reader.combined(name, plan.factors, slot: 0)
        let weights = try reader.global(name, slot: 1)
        for element in weights.indices { weights[element] += change[element] }
        return weights
    }

    func auxiliary(
        _ kind: AuxiliaryKind, of tensor: String, _ plan: Plan, _ reader: BlockReader
    ) throws -> UnsafeMutableBufferPointer<Double>? {
        guard kind == .steps else { return nil }
        let block = reader.zeros(slot: 0)
        block.update(repeating: plan.effectiveSteps)
        return block
    }
}
