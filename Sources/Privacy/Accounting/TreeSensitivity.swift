/// How much one participant can change all nodes of the tree of DP-FTRL together.
///
/// P. Kairouz et al., "Practical and private (deep) learning without sampling or shuffling", ICML 2021: node (l, i) holds
/// the sum of the rounds i·2ˡ … (i + 1)·2ˡ − 1 plus noise; a participant that takes part in c rounds below a node changes
/// it by at most c·C. The released prefix sums are functions of the nodes, so the whole is one Gaussian mechanism with
/// the squared sensitivity C²·Σ c².
public enum TreeSensitivity {
    /// A bound on Σ c² over all complete nodes of `rounds` rounds, when two participations are at least `separation` rounds
    /// apart: with k = ⌈rounds / separation⌉ participations and at most m(l) = min(k, ⌈2ˡ / separation⌉) of them below one
    /// node of level l, Σ_l m(l)·k. For one participation it is the number of levels, ⌈log₂(rounds + 1)⌉.
    public static func squared(rounds: Int, separation: Int) -> Int {
        guard rounds > 0 else { return 0 }
        let gap = max(1, separation)
        let most = (rounds + gap - 1) / gap
        var total = 0
        var width = 1
        while width <= rounds {
            total += min(most, (width + gap - 1) / gap) * most
            width *= 2
        }
        return total
    }
}
