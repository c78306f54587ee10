/// The one update that is nearest to its neighbours: the smallest score, a score being the sum of the squared distances to
/// the m − f − 2 nearest others.
///
/// P. Blanchard, E. M. El Mhamdi, R. Guerraoui, J. Stainer, "Machine learning with adversaries: Byzantine tolerant
/// gradient descent", NeurIPS 2017. It withstands f hostile updates among m ≥ 2 f + 3.
public struct Krum: UpdateRule {
    /// How many hostile updates f are reckoned with, at least 0.
    public var byzantine: Int

    /// `krum`.
    public let name = "krum"
    /// Distances.
    public let evidence = Evidence.products

    /// The rule with its number.
    public init(byzantine: Int) {
        precondition(byzantine >= 0, "no fewer than none are hostile")
        self.byzantine = byzantine
    }

    /// 2 f + 3.
    public var minimumUpdates: Int { 2 * byzantine + 3 }

    /// f.
    public func tolerated(among updates: Int) -> Int { updates >= minimumUpdates ? byzantine : 0 }

    /// One update.
    public func combination(of updates: UpdateEvidence) -> Combination {
        let best = KrumScores(updates, byzantine: byzantine).ranking()[0]
        return .linear((0..<updates.count).map { $0 == best ? 1 : 0 })
    }
}
