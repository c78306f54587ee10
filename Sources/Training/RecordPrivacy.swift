public import Jobs
public import Privacy

/// What a task needs to protect single examples while it trains: a job with `privacy: {mechanism: record}`.
public struct RecordPrivacy: Sendable {
    /// The L2 norm to which every example's gradient is clipped.
    public var clipNorm: Double
    /// The deviation of the noise on a sum of gradients, in units of the norm.
    public var noiseMultiplier: Double
    /// The words behind samples and noise, of this client, job, round and attempt.
    public var stream: NoiseStream

    /// The statistic that holds how many noised steps were made.
    public static let stepsFigure = "privateSteps"

    /// The protection that a job asks of trainers; nil for another mechanism or none.
    ///
    /// - Parameter stream: made only where it is needed.
    /// - Throws: `JobsError` for a wrong map; what `stream` throws.
    public init?(_ privacy: Settings, stream: () throws -> NoiseStream) throws {
        guard let settings = try PrivacySettings.reading(privacy), settings.mechanism == .record else { return nil }
        clipNorm = settings.clipNorm
        noiseMultiplier = settings.noiseMultiplier
        self.stream = try stream()
    }
}
