public import Jobs
import Randomness

/// Draws cohorts: a uniformly random subset that depends on nothing but the seed, the round, the attempt and who may be
/// chosen.
public enum CohortSelection {
    /// The cohort in order of the clients' names.
    ///
    /// A sample without replacement from the candidates in order of their names, drawn from the stream
    /// (seed, "cohort", round, layer = attempt). All of them when there are no more than `count`.
    ///
    /// - Complexity: O(n log n) for n candidates.
    public static func draw(
        seed: UInt64, round: Int, attempt: Int, candidates: some Collection<String>, count: Int,
        sampling: JobSpecification.Clients.Sampling = .uniform
    ) -> [String] {
        let sorted = Participants.sorted(candidates)
        guard sorted.count > count else { return sorted }
        if sampling == .fedmultimodal {
            var state = LegacyRandomState(seed: UInt32(truncatingIfNeeded: round))
            let order = state.permutation(sorted.count)
            // The benchmark knows no second attempt: it takes the entries that follow.
            let first = attempt * count
            return Participants.sorted((first..<first + max(0, count)).map { sorted[order[$0 % order.count]] })
        }
        var stream = RandomStream(
            seed: seed, purpose: "cohort", round: UInt32(truncatingIfNeeded: round),
            layer: UInt32(truncatingIfNeeded: attempt))
        return Participants.sorted(stream.sample(count: max(0, count), from: sorted))
    }
}
