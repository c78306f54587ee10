/// The plain mean of the updates with the smallest scores of ``Krum``.
///
/// P. Blanchard et al., "Machine learning with adversaries: Byzantine tolerant gradient descent", NeurIPS 2017, section 5.
/// It withstands f hostile updates among m ≥ 2 f + 3.
public struct MultiKrum: UpdateRule {
    /// How many hostile updates f are reckoned with, at least 0.
    public var byzantine: Int
    /// How many updates are averaged; nil for m − f.
    public var selected: Int?

    /// `multi-krum`.
    public let name = "multi-krum"
    /// Distances.
    public let evidence = Evidence.products

    /// The rule with its numbers.
    public init(byzantine: Int, selected: Int? = nil) {
        precondition(byzantine >= 0 && (selected ?? 1) > 0, "one is chosen, and no fewer than none are hostile")
        self.byzantine = byzantine
        self.selected = selected
    }

    /// 2 f + 3, and f more than are averaged.
    public var minimumUpdates: Int { max(2 * byzantine + 3, (selected ?? 0) + byzantine) }

    /// f.
    public func tolerated(among updates: Int) -> Int { updates >= minimumUpdates ? byzantine : 0 }

    /// The chosen ones.
    public func combination(of updates: UpdateEvidence) -> Combination {
        let count = min(updates.count, selected ?? max(1, updates.count - byzantine))
        let chosen = Set(KrumScores(updates, byzantine: byzantine).ranking().prefix(count))
        return .linear((0..<updates.count).map { chosen.contains($0) ? 1 / Double(count) : 0 })
    }
}
