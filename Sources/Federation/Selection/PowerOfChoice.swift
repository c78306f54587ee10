import Randomness

/// `power-of-choice`: of d candidates drawn by their examples, those with the highest losses.
///
/// Y. J. Cho, J. Wang, G. Joshi, "Client selection in federated learning: convergence analysis and power-of-choice
/// selection strategies", 2020 (arXiv 2010.01243), in the variant that asks nobody: a client's loss is the mean training
/// loss of its last update in a committed round, and that of a client without one counts as infinite. Candidates are drawn
/// without replacement with probability proportional to their examples; equal losses go by the order of that draw.
struct PowerOfChoice: CohortRule {
    /// d, at least the size of the cohort.
    let candidates: Int

    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        let drawn = CandidatePool.weightedOrder(
            pool.examples.map(Double.init), count: max(candidates, count), &stream)
        let ordered = drawn.enumerated().sorted { left, right in
            let (first, second) = (loss(pool.known[left.element]), loss(pool.known[right.element]))
            return first == second ? left.offset < right.offset : first > second
        }
        return ordered.prefix(count).map(\.element)
    }

    private func loss(_ entry: SelectionHistory.Entry) -> Double {
        guard entry.lastRound != nil else { return .infinity }
        // Trained and without a loss that is finite: nothing speaks for it.
        return entry.loss ?? -.infinity
    }
}
