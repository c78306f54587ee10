import Randomness

/// `poisson`: every client by itself with probability q = min(1, count / N), so that a cohort has `count` clients on
/// average.
///
/// This is the sampling that accountants of differential privacy call Poisson: who is drawn says nothing about anybody
/// else. It needs N to be the number of clients that *could* be drawn, whether they are there or not; a client that is not
/// ready is drawn with probability 0, which is less than q. Where the population is not given, N is the number of
/// candidates, and a client's probability depends on how many others are there.
///
/// **A draw with fewer clients than `minimumUpdates` is not drawn again**: its attempt fails before a task is sent, nothing
/// of anybody is read, and the next attempt has a draw of its own, of which the job allows `attempts`. The cohorts that do
/// train are then those of Poisson sampling under the condition that they are large enough. With p the probability of a
/// smaller one, that differs from Poisson sampling by p in total variation, so a mechanism that is (ε, δ)-private under
/// Poisson sampling is (ε, δ + (1 + e^ε) p)-private a round. With `minimumUpdates: 1`, p = (1 − q)^N ≤ e^−count.
struct PoissonSampling: CohortRule {
    /// N; nil for the number of candidates.
    let population: Int?

    var drawsFromAll: Bool { true }

    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        let total = max(population ?? pool.names.count, pool.names.count, 1)
        let probability = min(1, Double(count) / Double(total))
        // One number for each client in order of names, whatever it decides.
        return pool.names.indices.filter { _ in stream.uniform() < probability }
    }
}
