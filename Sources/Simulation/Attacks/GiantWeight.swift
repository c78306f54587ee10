internal import Jobs
internal import Weights

/// `giant-weight`: an honest update that claims to come from so many examples. Above `limits.maximumExamples` it is refused
/// as `examples`; below, the weighted mean is this client's update alone.
struct GiantWeight: UpdateAttack {
    let examples: Int

    func change(_ update: inout Weights, _ statistics: inout TaskStatistics, _ context: AttackContext) throws {
        statistics.examples = examples
    }
}
