/// What a job asks for beside its weights: whose model does what where, and who contributed what.
extension JobSpecification {
    /// The strategies with a part of each model that never leaves its site.
    private static let personalStrategies: Set<StrategySettings.Name> = [.fedbn, .fedper, .fedrep, .ditto]

    /// Whether a round's updates are looked at after its commit.
    public func isStudied(round: Int) -> Bool { contributions != nil && round == rounds - 1 }

    /// The numbers of `crossSite` and `contributions` that are out of their ranges.
    var studyProblems: [String] {
        var found = (contributions?.problems ?? []).map {
            "contributions.\($0.key): found \($0.found), expected \($0.expected)"
        }
        if let problem = crossSite?.problem {
            found.append("crossSite: found \(problem.found), expected \(problem.expected)")
        }
        return found
    }

    /// What daemons do not do of `crossSite` and `contributions`, each with the reason. A simulation holds every site's
    /// examples and updates itself and does more of it.
    public var federationProblems: [String] {
        var found: [String] = []
        func refuse(_ isWrong: Bool, _ key: String, _ what: String, _ expected: String, because reason: String) {
            if isWrong { found.append("\(key): found \(what), expected \(expected) between daemons: \(reason)") }
        }
        let mechanism = "a job with privacy (\(privacy["mechanism"]?.stringValue ?? ""))"
        if let crossSite {
            refuse(
                !privacy.isEmpty, "crossSite", mechanism, "one without",
                because: "others would see what one site's model is, and its training is in no charge")
            refuse(
                !secureAggregation.isEmpty, "crossSite", "a job with secureAggregation", "one without",
                because: "a site's own model is its update, which nobody may see")
            refuse(
                asynchronous != nil, "crossSite", "an asynchronous job", "one with rounds",
                because: "the sites train once more together, as in a round")
            let name = (try? StrategySettings(strategy))?.name ?? .fedavg
            refuse(
                Self.personalStrategies.contains(name), "crossSite", "the strategy \(name.rawValue)",
                "one without anything personal", because: "a part of each site's model never leaves it")
            let count =
                switch crossSite {
                case .all: 0
                case .first(let count): count
                case .named(let names): names.count
                }
            refuse(
                count > CrossSiteSelection.federationMaximum, "crossSite", "\(count) sites",
                "at most \(CrossSiteSelection.federationMaximum)", because: "each evaluates every model")
        }
        if let contributions {
            refuse(
                !privacy.isEmpty, "contributions", mechanism, "one without", because: "scores look at single updates")
            refuse(
                !secureAggregation.isEmpty, "contributions", "a job with secureAggregation", "one without",
                because: "scores look at single updates, which nobody sees")
            refuse(
                asynchronous != nil, "contributions", "an asynchronous job", "one with rounds",
                because: "the updates of a version started from different weights")
            refuse(
                contributions.every != 0, "contributions.every", "\(contributions.every)", "0",
                because: "sites would evaluate every coalition of such a round while the next one waits")
            refuse(
                contributions.tolerance != 0, "contributions.tolerance", "\(contributions.tolerance)", "0",
                because: "it evaluates one coalition after the other, and sites evaluate several at a time")
            refuse(
                contributions.budget < clients.perRound + 2, "contributions.budget", "\(contributions.budget)",
                "at least clients.perRound + 2 (\(clients.perRound + 2))",
                because: "a score of every client needs as many coalitions")
        }
        return found
    }
}
