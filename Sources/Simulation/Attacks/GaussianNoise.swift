internal import Jobs
internal import Randomness
internal import Weights

/// `gaussian`: every element is drawn from N(0, (scale · r)²), r² the mean square of the honest update's elements.
///
/// P. Blanchard, E. M. El Mhamdi, R. Guerraoui, J. Stainer, "Machine learning with adversaries: Byzantine tolerant gradient
/// descent", NeurIPS 2017, there with a fixed deviation of 200. Drawn from (seed, `"attack-gaussian"`, round, client,
/// tensor).
struct GaussianNoise: UpdateAttack {
    let scale: Double

    func change(_ update: inout Weights, _ statistics: inout TaskStatistics, _ context: AttackContext) throws {
        let count = update.schema.floatCount
        let deviation = scale * update.norm / Double(max(1, count)).squareRoot()
        try Self.fill(&update, deviation: deviation, context)
    }

    /// Replaces every float by a draw from N(0, deviation²).
    static func fill(_ update: inout Weights, deviation: Double, _ context: AttackContext) throws {
        try update.changeFloats { tensor, values in
            var stream = RandomStream(
                seed: context.seed, purpose: "attack-gaussian", round: context.round, client: context.client,
                layer: UInt32(truncatingIfNeeded: tensor))
            stream.fillNormal(values, standardDeviation: deviation)
        }
    }
}
