import Randomness

/// `uniform`: each set of the right size is equally likely.
struct UniformSampling: CohortRule {
    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        stream.sample(count: count, from: pool.names.count)
    }
}

/// `fedmultimodal`: as that benchmark draws (Feng et al., KDD 2023), the first entries of NumPy's legacy permutation of the
/// sorted names under the round's number as seed.
struct BenchmarkSampling: CohortRule {
    /// The benchmark knows no second attempt: it takes the entries that follow.
    let attempt: Int

    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        var state = LegacyRandomState(seed: UInt32(truncatingIfNeeded: pool.round))
        let order = state.permutation(pool.names.count)
        let first = attempt * count
        return (first..<first + count).map { order[$0 % order.count] }
    }
}

/// `weighted`: without replacement, every next client with probability proportional to its training examples.
struct WeightedSampling: CohortRule {
    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        CandidatePool.weightedOrder(pool.examples.map(Double.init), count: count, &stream)
    }
}

/// `availability`: without replacement, every next client with probability proportional to 1 / (1 + d), where d is the
/// number of committed draws at which the client was ready.
///
/// (1 + d) over one more than the number of draws estimates how often a client is there; its inverse is the weight that
/// makes up for it, so that over time those that are rarely there are heard about as often as the others, as far as they
/// can be.
struct AvailabilitySampling: CohortRule {
    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        CandidatePool.weightedOrder(pool.known.map { 1 / Double(1 + $0.present) }, count: count, &stream)
    }
}
