extension JobSpecification {
    /// The strategies whose whole release is the mean of the updates: clip and noise cover it.
    private static let privateStrategies: Set<StrategySettings.Name> = [
        .fedavg, .fedprox, .fedrs, .moon, .fedbn, .fedper, .fedrep, .ditto,
    ]

    /// What does not go together with the job's `privacy`, each with the reason.
    var privacyProblems: [String] {
        let problems = PrivacySettings.problems(of: privacy)
        guard problems.isEmpty, let settings = try? PrivacySettings.reading(privacy) else { return problems }
        var found: [String] = []
        func refuse(_ isWrong: Bool, _ text: String) {
            if isWrong { found.append(text) }
        }
        if let strategy = try? StrategySettings(strategy) {
            refuse(
                !Self.privateStrategies.contains(strategy.name),
                "privacy: found the strategy \(strategy.name.rawValue), expected "
                    + Self.privateStrategies.map(\.rawValue).sorted().joined(separator: ", ")
                    + ": others send or weigh what clip and noise do not cover")
        }
        if let rule = aggregation["rule"]?.stringValue ?? aggregation["name"]?.stringValue {
            refuse(
                !["mean", "uniform"].contains(rule),
                "privacy: found the aggregation rule \(rule), expected mean or uniform: the sensitivity of the others is "
                    + "not known")
        }
        refuse(
            !latest.isEmpty,
            "latest: found \(latest.count) tensors taken from one client, expected none in a job with privacy")
        refuse(
            clients.targetUpdates != nil,
            "clients.targetUpdates: found over-selection, expected none in a job with privacy: who counts would depend on "
                + "how fast the others are")
        if settings.mechanism != .local {
            refuse(
                clients.sampling == .fedmultimodal,
                "clients.sampling: found fedmultimodal, whose cohorts everybody can work out, expected uniform in a job "
                    + "with privacy")
        }
        let countNoise = settings.countNoise ?? Double(clients.perRound) / 20
        refuse(
            settings.mechanism == .central && settings.clip == .adaptive
                && settings.noiseMultiplier >= 2 * countNoise,
            "privacy.countNoise: found \(countNoise), expected more than half of noiseMultiplier "
                + "(\(settings.noiseMultiplier)): the count alone would cost more than the whole")
        return found
    }
}
