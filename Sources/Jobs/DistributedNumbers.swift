/// What a job says about noise that its clients add under secure aggregation, in numbers.
public struct DistributedNumbers: Sendable, Hashable {
    /// C.
    public var clipNorm: Double
    /// z, of the sum of the fewest clients.
    public var noiseMultiplier: Double
    /// The most updates in a sum.
    public var cohort: Int
    /// The fewest clients in a sum whose noise counts.
    public var contributors: Int
    /// The largest absolute value of an element that is not limited; nil for C.
    public var range: Double?

    /// The numbers of a job; nil for one without such noise.
    ///
    /// - Throws: `JobsError` for a wrong map.
    public init?(_ specification: JobSpecification) throws(JobsError) {
        guard let privacy = try PrivacySettings.reading(specification.privacy), privacy.mechanism == .distributed,
            let secure = try SecureAggregationSettings.reading(specification.secureAggregation)
        else { return nil }
        clipNorm = privacy.clipNorm
        noiseMultiplier = privacy.noiseMultiplier
        cohort = specification.clients.perRound
        contributors = secure.minimum(of: specification.clients) - privacy.colluding
        range = secure.hasRange ? secure.range : nil
    }
}
