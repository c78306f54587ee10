/// The plain mean: Δ̄ = (1/m) Σₖ Δₖ, whatever clients say of their examples.
///
/// What differential privacy needs, together with `clipNorm`: H. B. McMahan, D. Ramage, K. Talwar, L. Zhang, "Learning
/// differentially private recurrent language models", ICLR 2018. One client can move it anywhere.
public struct UniformMean: UpdateRule {
    /// `uniform-mean`.
    public let name = "uniform-mean"
    /// 1.
    public let minimumUpdates = 1
    /// Nothing.
    public let evidence = Evidence.reports

    /// The rule.
    public init() {}

    /// None.
    public func tolerated(among updates: Int) -> Int { 0 }

    /// Even shares.
    public func combination(of updates: UpdateEvidence) -> Combination { .linear(updates.evenShares) }
}
