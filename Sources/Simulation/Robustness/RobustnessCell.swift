public import Jobs

/// One setting of the robustness benchmark: a rule against an attack by a share of the clients.
public struct RobustnessCell: Sendable, Hashable, Codable {
    /// The data set.
    public var dataset: String
    /// The aggregation rule with its numbers; what the federation's size decides is filled in.
    public var rule: NamedSettings
    /// The attack with its numbers; nil for the clean run.
    public var attack: NamedSettings?
    /// The share of the clients that is hostile.
    public var share: Double

    /// Describes a cell.
    public init(dataset: String, rule: NamedSettings, attack: NamedSettings?, share: Double) {
        self.dataset = dataset
        self.rule = rule
        self.attack = attack
        self.share = share
    }

    /// A folder's name: `uci-har-median-sign-flip-0.2`, or `uci-har-median-clean`.
    public var name: String {
        let parts = [dataset, rule.text] + (attack.map { [$0.text, "\(share)"] } ?? ["clean"])
        return parts.joined(separator: "-").replacing(":", with: "_").replacing("=", with: "")
    }
}

/// What all cells of a robustness benchmark share: the federation and how it trains.
public struct RobustnessSetting: Sendable, Hashable, Codable {
    /// How many rounds.
    public var rounds: Int
    /// How many clients; all of them take part in every round.
    public var clients: Int
    /// The concentration of a Dirichlet partition; nil for independent and identically distributed clients.
    public var alpha: Double?
    /// The share of hostile clients that the rules reckon with, whatever the real one is.
    public var reckoned: Double

    /// Describes the setting.
    public init(rounds: Int, clients: Int, alpha: Double?, reckoned: Double) {
        self.rounds = rounds
        self.clients = clients
        self.alpha = alpha
        self.reckoned = reckoned
    }

    /// The setting as messages say it.
    var text: String {
        "\(rounds) rounds, \(clients) clients, \(alpha.map { "alpha \($0)" } ?? "evenly dealt labels"), rules that reckon with "
            + "\(reckoned)"
    }

    /// How many hostile clients the rules reckon with.
    var hostile: Int { Int((reckoned * Double(clients)).rounded()) }

    /// How many updates a round has at least: admission may refuse those of all hostile clients.
    var minimumUpdates: Int { max(1, clients - hostile) }

    /// The `aggregation` map of a rule in this federation. Krum needs 2 f + 3 updates to reckon with f hostile ones and
    /// Bulyan 4 f + 3: f is as large as the smallest round allows, and no larger than what is reckoned with.
    func aggregation(_ rule: NamedSettings) -> Settings {
        var settings = rule.settings.merging(["rule": .string(rule.name)]) { own, _ in own }
        func fill(_ key: String, _ value: Setting) { if settings[key] == nil { settings[key] = value } }
        switch rule.name {
        case "krum", "multi-krum": fill("byzantine", .int(max(0, min(hostile, (minimumUpdates - 3) / 2))))
        case "bulyan": fill("byzantine", .int(max(0, min(hostile, (minimumUpdates - 3) / 4))))
        case "trimmed-mean": fill("trim", .double(min(0.45, max(0.05, reckoned))))
        default: break
        }
        return settings
    }

    /// The job of a cell for one seed, but for what only its data tell.
    ///
    /// - Throws: `JobsError` for numbers that do not hold together.
    public func job(_ cell: RobustnessCell, seed: UInt64) throws -> JobSpecification {
        var job = JobSpecification(
            name: "robustness", model: ["name": "mlp", "hidden": [64]], data: cell.dataset, rounds: rounds, seed: seed,
            clients: .init(minimum: clients, perRound: clients, minimumUpdates: minimumUpdates), attempts: 1,
            aggregation: aggregation(cell.rule),
            partition: ["scheme": "iid", "clients": .int(clients)],
            training: ["epochs": 1, "batchSize": 32, "learningRate": 0.05, "momentum": 0.9],
            evaluation: .init(every: rounds))
        if let alpha {
            job.partition["scheme"] = "dirichlet"
            job.partition["alpha"] = .double(alpha)
        }
        if let attack = cell.attack {
            job.attack = attack.settings.merging([
                "kind": .string(attack.name), "share": .double(cell.share),
            ]) { $1 }
        }
        // FLTrust's reference is named once the clients are known.
        if job.aggregation["rule"] == "fltrust" { job.aggregation["trusted"] = "the first honest client" }
        return try job.validated()
    }
}
