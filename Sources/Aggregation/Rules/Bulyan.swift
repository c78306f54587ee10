/// ``Krum`` chooses m − 2 f updates one after the other; then every coordinate is the mean of the m − 4 f values that are
/// nearest to the median of the chosen ones.
///
/// E. M. El Mhamdi, R. Guerraoui, S. Rouault, "The hidden vulnerability of distributed learning in Byzantium", ICML 2018.
/// It withstands f hostile updates among m ≥ 4 f + 3.
public struct Bulyan: UpdateRule {
    /// How many hostile updates f are reckoned with, at least 0.
    public var byzantine: Int

    /// `bulyan`.
    public let name = "bulyan"
    /// Distances.
    public let evidence = Evidence.products

    /// The rule with its number.
    public init(byzantine: Int) {
        precondition(byzantine >= 0, "no fewer than none are hostile")
        self.byzantine = byzantine
    }

    /// 4 f + 3.
    public var minimumUpdates: Int { 4 * byzantine + 3 }

    /// f.
    public func tolerated(among updates: Int) -> Int { updates >= minimumUpdates ? byzantine : 0 }

    /// The chosen ones, in the order of the clients.
    public func combination(of updates: UpdateEvidence) -> Combination {
        var scores = KrumScores(updates, byzantine: byzantine)
        var chosen: [Int] = []
        while chosen.count < updates.count - 2 * byzantine {
            let best = scores.ranking()[0]
            chosen.append(best)
            scores.remove(best)
        }
        return .nearestToMedian(of: chosen.sorted(), kept: chosen.count - 2 * byzantine)
    }
}
