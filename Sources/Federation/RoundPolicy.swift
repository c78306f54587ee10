/// The engine's own times and limits, which no job sets.
public struct RoundPolicy: Sendable, Hashable {
    /// Before a cohort is drawn, a client that was lost less than this many milliseconds ago is waited for, so that a short
    /// interruption does not change who takes part. After the start of the engine that holds for the clients known from
    /// before and for the participants that the job names. 0 waits for nobody.
    public var settleMilliseconds: Int64
    /// No cohort is drawn while this many evaluations are open, because each of them holds a round's weights.
    public var maximumOpenEvaluations: Int

    /// Creates a policy.
    public init(settleMilliseconds: Int64 = 15_000, maximumOpenEvaluations: Int = 8) {
        self.settleMilliseconds = settleMilliseconds
        self.maximumOpenEvaluations = maximumOpenEvaluations
    }

    /// 15 s and 8 evaluations.
    public static let defaults = RoundPolicy()
}
