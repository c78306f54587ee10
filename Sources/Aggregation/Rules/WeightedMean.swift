/// The mean weighted by examples: Δ̄ = Σₖ (nₖ / Σn) Δₖ.
///
/// H. B. McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017. One
/// client can move it anywhere.
public struct WeightedMean: UpdateRule {
    /// `mean`.
    public let name = "mean"
    /// 1.
    public let minimumUpdates = 1
    /// Only the examples.
    public let evidence = Evidence.reports

    /// The rule.
    public init() {}

    /// None.
    public func tolerated(among updates: Int) -> Int { 0 }

    /// The examples' shares.
    public func combination(of updates: UpdateEvidence) -> Combination { .linear(updates.shares) }
}
