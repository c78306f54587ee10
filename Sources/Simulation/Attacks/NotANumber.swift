internal import Jobs
internal import Weights

/// `nan`: every element is NaN. A coordinator without admission folds it into NaN weights; ours refuses it as `non-finite`.
struct NotANumber: UpdateAttack {
    func change(_ update: inout Weights, _ statistics: inout TaskStatistics, _ context: AttackContext) throws {
        try update.changeFloats { _, values in values.update(repeating: .nan) }
    }
}
