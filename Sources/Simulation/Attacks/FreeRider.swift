internal import Jobs
internal import Weights

/// `free-rider`: takes the model and gives nothing: zeros, noise N(0, scale²), or in every round the update that its
/// examples gave from the initial weights, trained once.
///
/// J. Lin, M. Du, J. Liu, "Free-riders in federated learning: attacks and defenses", 2019 (arXiv 1911.12560); the stale update
/// is the one of those that needs no look at two global models. It claims as many examples as it has.
struct FreeRider: Sendable {
    let behaviour: AttackSettings.Behaviour
    let scale: Double

    /// An update without training, for `zero` and `noise`.
    func update(_ schema: WeightsSchema, _ context: AttackContext) throws -> Weights {
        var update = Weights(zeros: schema)
        if behaviour == .noise { try GaussianNoise.fill(&update, deviation: scale, context) }
        return update
    }
}
