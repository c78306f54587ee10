extension JobSpecification {
    /// The strategies whose server needs nothing of a round but the mean of the updates.
    private static let summingStrategies: Set<StrategySettings.Name> = [
        .fedavg, .fedprox, .fedopt, .fedrs, .moon, .fedbn, .fedper, .fedrep, .ditto,
    ]

    /// What does not go together with the job's `secureAggregation`, each with the reason.
    var secureAggregationProblems: [String] {
        let problems = SecureAggregationSettings.problems(of: secureAggregation)
        guard problems.isEmpty, let settings = try? SecureAggregationSettings.reading(secureAggregation) else {
            return problems
        }
        return numberProblems(settings) + normProblems(settings) + compositionProblems
    }

    private func numberProblems(_ settings: SecureAggregationSettings) -> [String] {
        var found: [String] = []
        let cohort = clients.perRound
        guard cohort >= 2 else {
            return [
                "clients.perRound: found \(cohort), expected at least 2 with secureAggregation: the sum of one update is "
                    + "that update"
            ]
        }
        let holders = settings.holders(of: cohort)
        if holders > 255 {
            found.append(
                "secureAggregation.degree: found nothing with \(cohort) clients a round, expected a degree of at most 254: "
                    + "a secret has at most 255 shares")
        }
        let threshold = settings.threshold(of: cohort)
        if threshold * 2 <= holders || threshold > holders {
            found.append(
                "secureAggregation.threshold: found \(threshold), expected more than half of the \(holders) holders of a "
                    + "secret and at most all: a coordinator could tell two halves different lists")
        }
        if let minimum = settings.minimum, minimum > cohort {
            found.append(
                "secureAggregation.minimum: found \(minimum), expected at most clients.perRound (\(cohort))")
        }
        let most = Int(Int32.max) / ((1 << (settings.bits - 1)) - 1)
        if cohort > most {
            found.append(
                "secureAggregation.bits: found \(settings.bits) with \(cohort) clients a round, expected fewer: sums of "
                    + "more than \(most) updates would wrap around")
        }
        return found
    }

    /// How many elements a model must have for each random sum of its updates that a round may show.
    private static let elementsPerProjection = 16

    /// What is wrong with the job's check of norms for a model of so many elements.
    ///
    /// Every attempt shows other sums of perhaps the same update: together they have to stay few beside its elements.
    ///
    /// - Throws: ``JobsError`` `invalidSpecification`.
    public func checkProjections(elements: Int) throws(JobsError) {
        guard let settings = try SecureAggregationSettings.reading(secureAggregation),
            let projections = settings.projections
        else { return }
        let needed = projections * attempts * Self.elementsPerProjection
        guard elements >= needed else {
            throw JobsError(
                code: .invalidSpecification,
                message:
                    "secureAggregation.projections: found \(projections) in each of \(attempts) attempts for updates of "
                    + "\(elements) elements, expected at least \(needed) elements: the sums would tell too much of an update"
            )
        }
    }

    private func normProblems(_ settings: SecureAggregationSettings) -> [String] {
        guard let norm = settings.clipNorm else {
            return settings.projections == nil
                ? []
                : ["secureAggregation.projections: found them without secureAggregation.clipNorm, which they check"]
        }
        var found: [String] = []
        if let mechanism = try? PrivacySettings.reading(privacy)?.mechanism,
            mechanism == .distributed || mechanism == .local
        {
            found.append(
                "secureAggregation.clipNorm: found one with privacy.mechanism \(mechanism.rawValue), expected none: "
                    + "privacy.clipNorm clips, and the noise that follows is longer than what it hides, so that no norm of "
                    + "the sent update can be asked for"
                    + (settings.projections == nil
                        ? "" : "; projections would show each client's numbers under its own noise alone"))
        }
        let steps = Double(clients.perRound) * norm / settings.range * Double((1 << (settings.bits - 1)) - 1)
        if settings.projections != nil, steps > Double(1 << 27) {
            found.append(
                "secureAggregation.clipNorm: found \(norm) with \(clients.perRound) clients, \(steps) steps of the encoding together, "
                    + "expected at most \(1 << 27) with projections: random sums would wrap around; fewer bits or a larger range allow more"
            )
        }
        return found
    }

    private var compositionProblems: [String] {
        var found: [String] = []
        func refuse(_ isWrong: Bool, _ text: String) {
            if isWrong { found.append(text) }
        }
        if let strategy = try? StrategySettings(strategy) {
            refuse(
                !Self.summingStrategies.contains(strategy.name),
                "secureAggregation: found the strategy \(strategy.name.rawValue), expected "
                    + Self.summingStrategies.map(\.rawValue).sorted().joined(separator: ", ")
                    + ": others send controls, terms or step counts that are no part of a sum of limited numbers")
        }
        if let combination = try? AggregationSettings(aggregation) {
            refuse(
                combination.rule != .mean && combination.rule != .uniformMean,
                "secureAggregation: found the aggregation rule \(combination.rule.rawValue), expected mean or "
                    + "uniform-mean, both of which count every update equally: the others look at single updates, which "
                    + "nobody sees")
            refuse(
                combination.clipNorm != nil || combination.minimumCosine != nil || combination.maximumDistance != nil,
                "secureAggregation: found an aggregation with clipNorm, minimumCosine or maximumDistance, expected none: "
                    + "they look at single updates, which nobody sees; secureAggregation.clipNorm clips at the client")
        }
        refuse(
            limits.maximumNorm != nil,
            "limits.maximumNorm: found one with secureAggregation, expected none: nobody sees the norm of an update; "
                + "secureAggregation.clipNorm with projections bounds it")
        let name = encoding["name"]?.stringValue ?? "f32"
        refuse(
            name != "f32",
            "encoding: found \(name) with secureAggregation, expected f32: masked numbers cannot be encoded again; bits "
                + "says how exact they are")
        refuse(
            !latest.isEmpty,
            "latest: found \(latest.count) tensors taken from one client, expected none with secureAggregation, which "
                + "hides single clients")
        refuse(
            keepUpdates,
            "keepUpdates: found true with secureAggregation, expected false: a masked update says nothing by itself")
        if !attack.isEmpty, let kind = try? AttackSettings(attack)?.kind {
            refuse(
                [.alie, .ipm, .freeRider].contains(kind),
                "attack.kind: found \(kind.rawValue) with secureAggregation, expected one that a client carries out alone before it "
                    + "masks: this one changes or reads updates that are not masked")
        }
        refuse(
            !attack.isEmpty && privacy["mechanism"]?.stringValue == "distributed",
            "attack: found one with privacy.mechanism distributed, expected none: what adds the noise clips, too, and simulated "
                + "attackers would be honest there")
        if let privacy = try? PrivacySettings.reading(privacy) {
            refuse(
                privacy.mechanism == .central || privacy.mechanism == .ftrl,
                "privacy.mechanism: found \(privacy.mechanism.rawValue) with secureAggregation, expected distributed, local or "
                    + "record: the coordinator clips single updates for it, which nobody sees")
        }
        return found
    }
}
