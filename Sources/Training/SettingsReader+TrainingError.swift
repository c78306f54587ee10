public import Jobs

extension SettingsReader where Failure == TrainingError {
    /// Starts on a map.
    ///
    /// - Parameters:
    ///   - place: what the map is called in messages, e.g. `training`.
    ///   - code: the code of errors about it.
    ///   - known: every key that may be there.
    /// - Throws: `TrainingError` for the first key (in alphabetical order) that is not known.
    public init(
        _ settings: Settings,
        place: String,
        code: TrainingError.Code,
        known: [String]
    ) throws(TrainingError) {
        try self.init(settings, place: place, known: known) { TrainingError(code, $0) }
    }
}
