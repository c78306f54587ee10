extension JobSpecification {
    /// What is wrong with `aggregation`, by itself and together with the strategy and the cohort.
    var aggregationProblems: [String] {
        let problems = AggregationSettings.problems(of: aggregation)
        guard problems.isEmpty, let settings = try? AggregationSettings(aggregation) else { return problems }
        let rule = settings.rule.rawValue
        var found: [String] = []
        if clients.minimumUpdates < settings.minimumUpdates {
            found.append(
                "clients.minimumUpdates: found \(clients.minimumUpdates), expected at least \(settings.minimumUpdates), "
                    + "below which the rule \(rule) cannot be used")
        }
        if let name = StrategySettings.Name(rawValue: strategyName), Self.combinesItself.contains(name),
            !settings.isPlain
        {
            found.append(
                "aggregation: found \(rule)\(settings.rule == .mean ? " with other stages" : ""), expected nothing but "
                    + "the rule mean with \(strategyName), whose clients' extra tensors are only right in its own mean")
        }
        if settings.rule == .fltrust, let names = clients.participants {
            if !names.contains(settings.trusted) {
                found.append(
                    "aggregation.trusted: found \"\(settings.trusted)\", expected one of clients.participants")
            }
            if clients.perRound < Set(names).count {
                found.append(
                    "clients.perRound: found \(clients.perRound), expected \(Set(names).count), all participants: "
                        + "the rule fltrust needs its trusted client in every round")
            }
        }
        if settings.rule == .fairMean, !(clientLearningRate > 0) {
            found.append(
                "training.learningRate: found \(clientLearningRate), expected more than 0 for q-fedavg, which divides by "
                    + "it")
        }
        return found
    }

    /// The strategies whose clients send tensors, or numbers, that belong to one way of combining.
    private static let combinesItself: Set<StrategySettings.Name> = [.scaffold, .fednova, .feddyn]
}
