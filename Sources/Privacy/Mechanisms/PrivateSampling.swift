/// Cohorts that nobody can foretell: drawn under the job's secret and not from its seed, which everybody knows.
public struct PrivateSampling: Sendable {
    private let secret: PrivacySecret

    /// The draws of one job.
    public init(_ secret: PrivacySecret) { self.secret = secret }

    /// `count` of some names, each set equally likely; all of them when there are no more. The names in their order.
    public func fixed(round: Int, attempt: Int, of names: [String], count: Int) -> [String] {
        guard names.count > count else { return names }
        var words = secret.stream(purpose: "cohort", round: round, attempt: attempt).words()
        var pool = Array(names.indices)
        for index in 0..<max(0, count) {
            let other = index + Int(words.below(UInt128(pool.count - index)))
            pool.swapAt(index, other)
        }
        return pool.prefix(max(0, count)).sorted().map { names[$0] }
    }

    /// Each name by itself with the probability `rate`, to 2⁻⁶⁴.
    public func poisson(round: Int, attempt: Int, of names: [String], rate: Double) -> [String] {
        guard rate < 1 else { return names }
        var words = secret.stream(purpose: "cohort", round: round, attempt: attempt).words()
        let bound = UInt64(max(0, rate) * 0x1p64)
        return names.filter { _ in words.next() < bound }
    }

    /// The group, from 0 to below `groups`, in which a participant takes part: the same in every round.
    public func group(of name: String, groups: Int) -> Int {
        guard groups > 1 else { return 0 }
        var words = secret.stream(purpose: "group " + name, round: 0).words()
        return Int(words.below(UInt128(groups)))
    }
}
