/// What a model card says about the privacy of its weights.
public struct PrivacyStatement: Sendable, Hashable, Codable {
    /// What adds the noise.
    public var mechanism: String
    /// The deviation of the noise divided by the clipping norm.
    public var noiseMultiplier: Double
    /// ε of the rounds up to the weights.
    public var epsilon: Double
    /// The δ that goes with it.
    public var delta: Double
    /// The accountant.
    public var accountant: String
    /// In what two data sets that cannot be told apart differ.
    public var neighbours: String

    /// The statement of a job after rounds that cost `epsilon`; nil for a job without privacy.
    public init?(_ specification: JobSpecification, epsilon: Double?) {
        guard let settings = try? PrivacySettings.reading(specification.privacy), let epsilon else { return nil }
        mechanism = settings.mechanism.rawValue
        noiseMultiplier = settings.noiseMultiplier
        self.epsilon = epsilon
        delta = settings.delta
        accountant = settings.accountant
        neighbours =
            switch (settings.mechanism, settings.sampling) {
            case (.central, .poisson): "one client more or less"
            case (.central, .fixed): "one client replaced by another"
            case (.local, _): "one client's data replaced by others"
            case (.record, _): "one example of a client more or less"
            case (.ftrl, _), (.distributed, _): "one client's updates set to zero"
            }
    }

    /// The name of the training figure that holds ε up to a round.
    public static let figure = "epsilon"

    /// The name of the training figure that holds the round's clipping norm.
    public static let clipFigure = "clipNorm"
}
