public import Jobs
import Randomness

/// Draws cohorts: they depend on nothing but the seed, the round, the attempt, who may be chosen, and the committed
/// history.
public enum CohortSelection {
    /// The cohort in order of the clients' names.
    ///
    /// Drawn from the candidates in order of their names and from the stream (seed, `"cohort"`, round, layer = attempt).
    /// All of them when there are no more than `count`, except by Poisson sampling, whose cohorts are of any size.
    ///
    /// - Parameters:
    ///   - count: how many are wanted; on average for Poisson sampling.
    ///   - sampling: the method.
    ///   - examples: how many training examples a candidate declares.
    ///   - history: what committed rounds have shown of the clients.
    /// - Complexity: O(n log n) for n candidates.
    public static func draw(
        seed: UInt64, round: Int, attempt: Int, candidates: some Collection<String>, count: Int,
        sampling: SamplingSettings = .uniform, examples: (String) -> Int = { _ in 1 },
        history: SelectionHistory = SelectionHistory()
    ) -> [String] {
        let sorted = Participants.sorted(candidates)
        let count = max(0, count)
        let rule = make(sampling, attempt: attempt, count: count)
        guard sorted.count > count || rule.drawsFromAll else { return sorted }
        let isPlain = sampling.name == .uniform || sampling.name == .fedmultimodal
        let pool = CandidatePool(
            names: sorted, examples: isPlain ? [] : sorted.map { max(1, examples($0)) },
            known: sampling.usesHistory ? sorted.map { history[$0] } : [], round: round)
        var stream = RandomStream(
            seed: seed, purpose: "cohort", round: UInt32(truncatingIfNeeded: round),
            layer: UInt32(truncatingIfNeeded: attempt))
        return Participants.sorted(rule.draw(pool, count: count, &stream).map { sorted[$0] })
    }

    private static func make(_ settings: SamplingSettings, attempt: Int, count: Int) -> any CohortRule {
        switch settings.name {
        case .uniform: UniformSampling()
        case .fedmultimodal: BenchmarkSampling(attempt: attempt)
        case .weighted: WeightedSampling()
        case .poisson: PoissonSampling(population: settings.population)
        case .powerOfChoice: PowerOfChoice(candidates: settings.candidates ?? 2 * count)
        case .oort: OortSampling(settings: settings)
        case .availability: AvailabilitySampling()
        case .stratified: StratifiedSampling(bands: settings.bands)
        }
    }
}
