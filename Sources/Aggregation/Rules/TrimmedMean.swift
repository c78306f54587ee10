/// The mean of every coordinate without its ⌊trim · m⌋ smallest and as many largest values.
///
/// D. Yin, Y. Chen, K. Ramchandran, P. Bartlett, "Byzantine-robust distributed learning: towards optimal statistical
/// rates", ICML 2018. It withstands as many hostile updates as it drops at one end.
public struct TrimmedMean: UpdateRule {
    /// The share that is dropped at each end, more than 0 and less than 0.5.
    public var trim: Double

    /// `trimmed-mean`.
    public let name = "trimmed-mean"
    /// Nothing.
    public let evidence = Evidence.reports

    /// The rule with its number.
    public init(trim: Double) {
        precondition(trim > 0 && trim < 0.5, "more than nothing and less than all is dropped")
        self.trim = trim
    }

    /// So many that one is dropped at each end and one stays.
    public var minimumUpdates: Int { max(3, Int((1 / trim).rounded(.up))) }

    /// ⌊trim · m⌋.
    public func tolerated(among updates: Int) -> Int { Self.dropped(trim, among: updates) }

    /// The values in the middle.
    public func combination(of updates: UpdateEvidence) -> Combination {
        .middle(dropped: Self.dropped(trim, among: updates.count))
    }

    /// ⌊trim · m⌋, where 0.1 of 30 is 3 although 0.1 is a little less than a tenth.
    private static func dropped(_ trim: Double, among updates: Int) -> Int {
        min(Int((trim * Double(updates) + 1e-9).rounded(.down)), max(0, (updates - 1) / 2))
    }
}
