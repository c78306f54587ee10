/// How the blocks of a round's update come out of the blocks of the clients' updates.
public enum Combination: Sendable, Hashable {
    /// Σ weightₖ Δₖ + history · v, with v the round's update of the round before, as the global weights hold it.
    case linear([Double], history: Double = 0)
    /// For each coordinate, the mean of the sorted values without the `dropped` smallest and the `dropped` largest.
    case middle(dropped: Int)
    /// For each coordinate, the mean of the `kept` values nearest to the median of those of some updates.
    case nearestToMedian(of: [Int], kept: Int)
    /// For each coordinate, `step` times the sign of the sum of signs.
    case signs(step: Double)
}

/// What a rule decides from, for the updates that are combined.
public enum Evidence: Int, Sendable, Hashable, Comparable {
    /// Only what clients reported.
    case reports
    /// Also the L2 norm of each update.
    case norms
    /// Also the inner product of every pair.
    case products

    /// Whether one says less than another.
    public static func < (left: Evidence, right: Evidence) -> Bool { left.rawValue < right.rawValue }
}

/// A rule: how the updates of a round become one.
///
/// An implementation is a pure function of its evidence, so that the coordinator and a simulation come to the same bits.
/// The blocks are combined out of core afterwards, and what is not finite is refused before it counts.
public protocol UpdateRule: Sendable {
    /// The name in job specifications, for example `median`.
    var name: String { get }
    /// The fewest updates that the rule can be used with.
    var minimumUpdates: Int { get }
    /// What it decides from.
    var evidence: Evidence { get }
    /// Whether it also needs the round's update of the round before, as one more row of the evidence, the last.
    var needsHistory: Bool { get }

    /// How many hostile updates among `updates` the rule withstands: what it gives stays near the honest updates,
    /// whatever those hold. 0 for none.
    func tolerated(among updates: Int) -> Int

    /// Decides.
    ///
    /// - Throws: ``AggregationError`` when the updates give no answer.
    func combination(of updates: UpdateEvidence) throws -> Combination
}

extension UpdateRule {
    /// Without history.
    public var needsHistory: Bool { false }
}
