public import Privacy

/// What a round of a job with privacy releases and costs; committed with its cohort, before any task is sent and so before
/// the release.
public struct RoundCharge: Sendable, Hashable, Codable {
    /// The cost. A failed attempt releases nothing and does not count, but for local privacy.
    public var charge: PrivacyCharge
    /// What each client is charged, where every client spends on its own; empty otherwise.
    public var records: [String: PrivacyCharge]
    /// The norm to which the round's updates are clipped.
    public var clipNorm: Double
    /// What the noised sum is divided by: the expected number of updates.
    public var expected: Double
    /// ε of the whole job after this round, by the job's accountant and δ.
    public var epsilon: Double

    /// A charge.
    public init(
        charge: PrivacyCharge, records: [String: PrivacyCharge] = [:], clipNorm: Double, expected: Double,
        epsilon: Double
    ) {
        self.charge = charge
        self.records = records
        self.clipNorm = clipNorm
        self.expected = expected
        self.epsilon = epsilon
    }
}
