extension JobSpecification {
    /// The strategies whose whole release is the mean of the updates, or made of it and of earlier ones by the server: clip
    /// and noise cover it.
    private static let privateStrategies: Set<StrategySettings.Name> = [
        .fedavg, .fedprox, .fedopt, .fedrs, .moon, .fedbn, .fedper, .fedrep, .ditto,
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
        if let combination = try? AggregationSettings(aggregation) {
            refuse(
                combination.rule != .mean && combination.rule != .uniformMean,
                "privacy: found the aggregation rule \(combination.rule.rawValue), expected mean or uniform-mean: the "
                    + "sensitivity of the others is not known, or what clients say of their losses and examples, to which nobody "
                    + "added noise, would be in the weights")
            refuse(
                combination.clipNorm != nil || combination.minimumCosine != nil || combination.maximumDistance != nil,
                "privacy: found an aggregation with clipNorm, minimumCosine or maximumDistance, expected none: updates are "
                    + "clipped to privacy.clipNorm, and gates would let one client decide about another")
        }
        if settings.mechanism == .record {
            refuse(
                !["fedavg", "fedprox", "fedopt"].contains(strategyName),
                "privacy: found the strategy \(strategyName) with the mechanism record, expected fedavg, fedopt or fedprox: "
                    + "the others use examples beside the noised steps")
            refuse(
                !corruption.isEmpty,
                "corruption: found one with the mechanism record, expected none: the charge counts the examples that "
                    + "sites declare")
            return found
        }
        refuse(
            !latest.isEmpty,
            "latest: found \(latest.count) tensors taken from one client, expected none in a job with privacy")
        refuse(
            clients.targetUpdates != nil,
            "clients.targetUpdates: found over-selection, expected none in a job with privacy: who counts would depend on "
                + "how fast the others are")
        refuse(
            adaptiveDeadline != nil,
            "adaptiveDeadline: found one, expected none in a job with privacy: who counts would depend on how fast the "
                + "others were")
        if settings.mechanism == .central || settings.mechanism == .ftrl {
            let sampling = try? SamplingSettings(clients.sampling.settings)
            refuse(
                sampling.map { $0.name != .uniform } ?? false,
                "clients.sampling: found \(sampling?.name.rawValue ?? ""), expected uniform in a job with privacy: "
                    + "privacy.sampling says how cohorts are drawn, from a secret, and the charge counts on it")
        }
        if settings.mechanism == .distributed { found += distributedProblems(settings) }
        let countNoise = settings.countNoise ?? Double(clients.perRound) / 20
        refuse(
            settings.mechanism == .central && settings.clip == .adaptive
                && settings.noiseMultiplier >= 2 * countNoise,
            "privacy.countNoise: found \(countNoise), expected more than half of noiseMultiplier "
                + "(\(settings.noiseMultiplier)): the count alone would cost more than the whole")
        return found
    }

    /// What does not go together with noise that clients add under secure aggregation.
    private func distributedProblems(_ settings: PrivacySettings) -> [String] {
        var found: [String] = []
        guard let secure = try? SecureAggregationSettings.reading(secureAggregation) else {
            // A map that is wrong is refused for itself.
            return secureAggregation.isEmpty
                ? [
                    "secureAggregation: found none with the mechanism distributed, expected one: a client's share of the noise "
                        + "protects the sum and not its own update"
                ] : []
        }
        if secure.hasBits {
            found.append(
                "secureAggregation.bits: found \(secure.bits) with the mechanism distributed, expected none: the noise decides "
                    + "the lattice")
        }
        let minimum = secure.minimum(of: clients)
        if settings.colluding >= minimum {
            found.append(
                "privacy.colluding: found \(settings.colluding), expected fewer than the updates of the smallest sum "
                    + "(\(minimum)): nobody would be left to add noise")
        }
        if let sampling = try? SamplingSettings(clients.sampling.settings),
            sampling.name == .oort || sampling.name == .powerOfChoice
        {
            found.append(
                "clients.sampling: found \(sampling.name.rawValue) with the mechanism distributed, expected one that does not "
                    + "look at losses: a client's cost would depend on its data")
        }
        return found
    }
}
