internal import Federation
internal import Jobs
internal import Privacy
internal import Weights

/// Where a simulation's secret lies, and what a resumed run has already spent.
extension SimulationRun {
    /// The file with the run's secret, 32 bytes, mode 0600.
    static let secretFile = "privacy.key"

    /// The privacy of a run; nil for a job without.
    ///
    /// - Throws: ``SimulationError`` `checkpoint` when a run is resumed whose secret is not there any more: other noise on
    ///   the same round would tell the difference.
    static func privacy(
        _ specification: JobSpecification, _ checkpoint: SimulationCheckpoint?, parameters: Int, output: String
    ) throws -> RoundPrivacy? {
        guard !specification.privacy.isEmpty else { return nil }
        let file = SecretFile("\(output)/\(secretFile)")
        guard let secret = try checkpoint == nil ? file.make() : file.existing() else {
            throw SimulationError(
                .checkpoint, "\(file.path): is not there, expected the secret that the run was begun with")
        }
        return try RoundPrivacy(
            specification, secret: secret, spent: checkpoint?.spent ?? SpentPrivacy(), parameters: parameters)
    }

    /// How many elements of an update are noised.
    static func privateParameters(_ schema: WeightsSchema) -> Int {
        schema.floatCount
    }
}
