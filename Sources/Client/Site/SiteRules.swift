public import Jobs

/// What a site accepts: its own file decides, and everything else is declined with a reason.
///
/// An empty list and an absent number allow everything.
public struct SiteRules: Sendable, Hashable, Decodable {
    /// Why a task is declined: a stable word and a sentence.
    public struct Refusal: Error, Sendable, Hashable, CustomStringConvertible {
        /// A stable word: "operator", "model", "dataset", "effort", "examples", "secure-aggregation", "privacy", "figures", "protection",
        /// "cross-site", "schema" or "task".
        public var code: String
        /// The reason in a sentence.
        public var reason: String

        /// Creates a refusal.
        public init(code: String, reason: String) {
            self.code = code
            self.reason = reason
        }

        /// The code and the reason.
        public var description: String { "\(code): \(reason)" }
    }

    /// Names of the operators whose jobs are accepted.
    public var operators: [String]
    /// Names of the models that are accepted.
    public var models: [String]
    /// Names of the data sets that jobs may use.
    public var datasets: [String]
    /// The most rounds of a job.
    public var rounds: Int?
    /// The most local epochs of a round (`training.epochs`).
    public var epochs: Double?
    /// The most minutes that one task may take; a task that takes longer is ended.
    public var minutes: Double?
    /// The fewest examples that training may cover: with fewer, an update says too much about each of them.
    public var minimumExamples: Int?
    /// What is demanded of a job's secure aggregation; nil for nothing.
    public var secureAggregation: SecureAggregationRule?
    /// What is demanded of a job's privacy; nil for nothing.
    public var privacy: PrivacyRule?
    /// What is done with this site's figures in a job that hides single clients and asks for them (`reportFigures: clear`).
    public var figures: ReportedFigures
    /// Whether the site's own model may be evaluated by the other sites, for a job's `crossSite`.
    public var crossSite: Bool

    private enum CodingKeys: String, CodingKey {
        case operators, models, datasets, rounds, epochs, minutes, minimumExamples, secureAggregation, privacy, figures
        case crossSite
    }

    /// Creates rules.
    public init(
        operators: [String] = [], models: [String] = [], datasets: [String] = [], rounds: Int? = nil,
        epochs: Double? = nil, minutes: Double? = nil, minimumExamples: Int? = nil,
        secureAggregation: SecureAggregationRule? = nil, privacy: PrivacyRule? = nil,
        figures: ReportedFigures = .withheld, crossSite: Bool = true
    ) {
        self.operators = operators
        self.models = models
        self.datasets = datasets
        self.rounds = rounds
        self.epochs = epochs
        self.minutes = minutes
        self.minimumExamples = minimumExamples
        self.secureAggregation = secureAggregation
        self.privacy = privacy
        self.figures = figures
        self.crossSite = crossSite
    }

    /// Reads the map; every key may be left out.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            operators: try container.decodeIfPresent([String].self, forKey: .operators) ?? [],
            models: try container.decodeIfPresent([String].self, forKey: .models) ?? [],
            datasets: try container.decodeIfPresent([String].self, forKey: .datasets) ?? [],
            rounds: try container.decodeIfPresent(Int.self, forKey: .rounds),
            epochs: try container.decodeIfPresent(Double.self, forKey: .epochs),
            minutes: try container.decodeIfPresent(Double.self, forKey: .minutes),
            minimumExamples: try container.decodeIfPresent(Int.self, forKey: .minimumExamples),
            secureAggregation: try container.decodeIfPresent(SecureAggregationRule.self, forKey: .secureAggregation),
            privacy: try container.decodeIfPresent(PrivacyRule.self, forKey: .privacy),
            figures: try container.decodeIfPresent(ReportedFigures.self, forKey: .figures) ?? .withheld,
            crossSite: try container.decodeIfPresent(Bool.self, forKey: .crossSite) ?? true)
    }

    /// Checks that the limits are possible.
    func validate(place: String) throws {
        let numbers: [(name: String, value: Double?)] = [
            ("rounds", rounds.map(Double.init)), ("epochs", epochs), ("minutes", minutes),
            ("minimumExamples", minimumExamples.map(Double.init)),
            ("secureAggregation.minimum", secureAggregation?.minimum.map(Double.init)),
            ("secureAggregation.threshold", secureAggregation?.threshold.map(Double.init)),
            ("secureAggregation.projections", secureAggregation?.projections.map(Double.init)),
            ("privacy.epsilon", privacy?.epsilon), ("privacy.delta", privacy?.delta),
            ("privacy.noiseMultiplier", privacy?.noiseMultiplier),
        ]
        for (name, value) in numbers {
            guard let value else { continue }
            guard value.isFinite, value >= 0 else {
                throw ClientError(.configuration, "\(place): allow.\(name): found \(value), expected a number from 0")
            }
        }
    }

    /// Why a job is declined, nil when it is welcome.
    ///
    /// - Parameters:
    ///   - job: the job's specification.
    ///   - operatorName: who submitted it, as the coordinator says.
    ///   - isTraining: whether the task trains; the limits of effort and examples are for training only.
    ///   - offered: examples by split of the data set that the job asks for; nil when the site does not have it.
    public func refusal(
        of job: JobSpecification, operator operatorName: String, isTraining: Bool, offered: [String: Int]?
    ) -> Refusal? {
        if !operators.isEmpty && !operators.contains(operatorName) {
            return Refusal(code: "operator", reason: "this site takes no jobs of the operator \"\(operatorName)\"")
        }
        if !models.isEmpty && !models.contains(job.modelName) {
            return Refusal(code: "model", reason: "this site does not train the model \"\(job.modelName)\"")
        }
        if !datasets.isEmpty && !datasets.contains(job.data) {
            return Refusal(code: "dataset", reason: "this site does not open the data set \"\(job.data)\" to jobs")
        }
        guard let offered else {
            return Refusal(code: "dataset", reason: "this site has no data set \"\(job.data)\"")
        }
        let split = isTraining ? "train" : job.evaluation.split
        guard let examples = offered[split], examples > 0 else {
            return Refusal(code: "dataset", reason: "the data set \"\(job.data)\" has no split \"\(split)\" here")
        }
        guard isTraining else {
            if withholdsFigures(of: job, offered: offered) {
                return Refusal(
                    code: "figures",
                    reason: "this site trains in the job and withholds its figures, an evaluation's too (allow.figures)"
                )
            }
            // Who has nothing to train with has no update to hide, and is there to be evaluated on.
            guard offered["train", default: 0] > 0 else { return nil }
            return secureAggregation?.refusal(of: job) ?? privacy?.refusal(of: job)
        }
        return secureAggregation?.refusal(of: job) ?? privacy?.refusal(of: job)
            ?? effortRefusal(of: job, examples: examples)
    }

    /// Whether this site keeps the figures of a job's tasks to itself: in a job that hides single clients, unless the job asks for them and
    /// the site allows it.
    ///
    /// A site without training examples has no update to hide: what it holds is there to be evaluated on.
    ///
    /// - Parameter offered: examples by split of the data set that the job asks for.
    public func withholdsFigures(of job: JobSpecification, offered: [String: Int]) -> Bool {
        guard job.hidesClients, offered["train", default: 0] > 0 else { return false }
        return job.withholdsFigures || figures == .withheld
    }

    /// Why a training task that makes the site's own model, for the other sites to evaluate, is declined; nil for every other
    /// task, and when it is welcome.
    public func refusal(toShowModelOf job: JobSpecification, round: Int) -> Refusal? {
        guard round >= job.rounds else { return nil }
        guard crossSite, job.crossSite != nil else {
            return Refusal(code: "cross-site", reason: "this site does not show its own model to other sites")
        }
        guard let rounds, job.rounds + 1 > rounds else { return nil }
        return Refusal(
            code: "effort", reason: "\(job.rounds) rounds and a model of its own asked for, this site allows \(rounds)")
    }

    private func effortRefusal(of job: JobSpecification, examples: Int) -> Refusal? {
        if let rounds, job.rounds > rounds {
            return Refusal(code: "effort", reason: "\(job.rounds) rounds asked for, this site allows \(rounds)")
        }
        if let epochs {
            // A job that does not say how long it trains is taken for one epoch, as trainers do.
            let asked = job.training["epochs"].map { $0.doubleValue ?? .infinity } ?? 1
            if asked > epochs {
                return Refusal(code: "effort", reason: "\(asked) epochs a round asked for, this site allows \(epochs)")
            }
        }
        return refusal(examples: examples)
    }

    /// Why training on so few examples is declined, nil when there are enough.
    public func refusal(examples: Int) -> Refusal? {
        guard let minimumExamples, examples < minimumExamples else { return nil }
        return Refusal(
            code: "examples",
            reason: "the training would cover fewer examples than the \(minimumExamples) that this site asks for")
    }
}
