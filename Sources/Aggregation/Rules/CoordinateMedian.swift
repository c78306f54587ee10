/// The median of every coordinate; of an even number of values the mean of the two in the middle.
///
/// D. Yin, Y. Chen, K. Ramchandran, P. Bartlett, "Byzantine-robust distributed learning: towards optimal statistical
/// rates", ICML 2018. It withstands fewer than half of the updates being hostile.
public struct CoordinateMedian: UpdateRule {
    /// `median`.
    public let name = "median"
    /// 3.
    public let minimumUpdates = 3
    /// Nothing.
    public let evidence = Evidence.reports

    /// The rule.
    public init() {}

    /// ⌊(m − 1) / 2⌋.
    public func tolerated(among updates: Int) -> Int { max(0, (updates - 1) / 2) }

    /// One or two values in the middle.
    public func combination(of updates: UpdateEvidence) -> Combination { .middle(dropped: (updates.count - 1) / 2) }
}
