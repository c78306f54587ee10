import Jobs
import Randomness

/// `oort`: clients that teach the model much in little time, and a share of new ones.
///
/// F. Lai, X. Zhu, H. V. Madhyastha, M. Chowdhury, "Oort: efficient federated learning via guided participant selection",
/// OSDI 2021. The utility of a client i that was heard of in round l with mean loss λ over |B| examples in time t is
///
///     U = clip(|B| λ) + √(0.1 ln R / l) · scale,   times (T / t)^α where t > T,
///
/// with R the number of the round (both from 1). The first term is the paper's |B| √(mean of squared losses) with the mean
/// loss, the one figure that clients report; it is clipped at the 95 % quantile of all, as there. `scale` is that
/// quantile, so that the second term, which lets clients back in that were not heard of for long, is in the first one's
/// unit. T is `preferredSeconds`, or the median time; the paper moves it by a pacer, which is left out, as is its list of
/// clients that were chosen too often.
///
/// Of a cohort of K, ε K are drawn uniformly from the clients never heard of (nothing is known of their speed, by which the
/// paper draws), ε = max(explorationMinimum, exploration · explorationDecay^round); if there are fewer, the rest is
/// exploited. The others are drawn with probability proportional to U among those with at least `cutoff` of the utility
/// of the last one that would be chosen by U alone.
struct OortSampling: CohortRule {
    let settings: SamplingSettings

    func draw(_ pool: CandidatePool, count: Int, _ stream: inout RandomStream) -> [Int] {
        let places = Array(pool.names.indices)
        let explored = places.filter { pool.known[$0].lastRound != nil }
        let fresh = places.filter { pool.known[$0].lastRound == nil }
        let share = max(
            settings.explorationMinimum,
            settings.exploration * power(settings.explorationDecay, Double(pool.round)))
        let wanted = Int((share * Double(count)).rounded())
        let exploring = min(fresh.count, max(wanted, count - explored.count))
        let chosen = stream.sample(count: exploring, from: fresh)
        return chosen + exploit(explored, pool, count: min(explored.count, count - exploring), &stream)
    }

    private func exploit(
        _ places: [Int], _ pool: CandidatePool, count: Int, _ stream: inout RandomStream
    ) -> [Int] {
        guard count > 0 else { return [] }
        let utilities = utilities(places.map { pool.known[$0] }, round: pool.round)
        let ranked = utilities.sorted(by: >)
        let least = settings.cutoff * ranked[count - 1]
        let admitted = places.indices.filter { utilities[$0] >= least }
        let order = CandidatePool.weightedOrder(admitted.map { utilities[$0] }, count: count, &stream)
        return order.map { places[admitted[$0]] }
    }

    /// U of each; at least 0.
    func utilities(_ entries: [SelectionHistory.Entry], round: Int) -> [Double] {
        let statistical = entries.map { max(0, Double($0.examples) * ($0.loss ?? 0)) }
        let cap = Self.quantile(statistical, 0.95)
        let preferred =
            settings.preferredSeconds > 0
            ? settings.preferredSeconds * 1000 : Self.quantile(entries.map { Double($0.milliseconds) }, 0.5)
        return zip(entries, statistical).map { entry, utility in
            let age = logarithm(Double(round + 1)) / Double((entry.lastRound ?? 0) + 1)
            var value = min(utility, cap) + (0.1 * age).squareRoot() * cap
            let time = Double(entry.milliseconds)
            if time > preferred, time > 0 { value *= power(preferred / time, settings.penalty) }
            return value
        }
    }

    /// The smallest value that at least the share of all are not above; 0 without values.
    static func quantile(_ values: [Double], _ share: Double) -> Double {
        guard !values.isEmpty else { return 0 }
        let place = Int((share * Double(values.count)).rounded(.up)) - 1
        return values.sorted()[min(max(0, place), values.count - 1)]
    }
}
