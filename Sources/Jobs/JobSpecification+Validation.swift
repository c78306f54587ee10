extension JobSpecification {
    /// The strategies that a job can name.
    public static let strategies = Set(StrategySettings.Name.allCases.map(\.rawValue))

    /// The step size of local training where `training.learningRate` does not say: what a server needs to know in
    /// `fedopt` with `sgd`.
    public static let standardLearningRate = 0.05

    /// The longest time that a deadline can be, in seconds: 30 days.
    public static let maximumDeadline = 2_592_000.0

    /// The specification itself when it holds together.
    ///
    /// - Parameter source: what a message names as the place of the problems, for instance a file.
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public func validated(in source: String = "job specification") throws -> JobSpecification {
        let found = problems
        guard found.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: found.map { "\(source): \($0)" }.joined(separator: "\n"))
        }
        return self
    }

    /// Everything that does not hold together, each with the key path, what was found and what is expected.
    public var problems: [String] {
        var problems: [String] = []
        func check(_ holds: Bool, _ key: String, _ found: String, _ expected: String) {
            if !holds { problems.append("\(key): found \(found), expected \(expected)") }
        }
        func range(_ value: Int, _ allowed: ClosedRange<Int>, _ key: String) {
            check(
                allowed.contains(value), key, "\(value)",
                "a whole number from \(allowed.lowerBound) to \(allowed.upperBound)")
        }
        func seconds(_ value: Double, _ key: String) {
            check(
                value > 0 && value <= Self.maximumDeadline, key, "\(value)",
                "more than 0 and at most \(Int(Self.maximumDeadline)) seconds")
        }

        check(Self.isName(name), "name", "\"\(name.prefix(80))\"", "1 to 64 of a-z, 0-9 and -")
        check(!modelName.isEmpty, "model.name", model["name"] == nil ? "nothing" : "no text", "the model's name")
        check(Self.isLabel(data), "data", "\"\(data.prefix(80))\"", "1 to 128 printable characters without spaces")
        range(rounds, 1...1_000_000, "rounds")
        range(clients.minimum, 1...1_000_000, "clients.minimum")
        range(clients.perRound, 1...1_000_000, "clients.perRound")
        if clients.perRound >= 1 { range(clients.minimumUpdates, 1...clients.perRound, "clients.minimumUpdates") }
        if let target = clients.targetUpdates, clients.perRound >= max(1, clients.minimumUpdates) {
            range(target, max(1, clients.minimumUpdates)...clients.perRound, "clients.targetUpdates")
        }
        problems += participantProblems + SamplingSettings.problems(of: clients)
        seconds(deadline, "deadline")
        problems += adaptiveDeadlineProblems + asynchronousProblems
        range(attempts, 1...100, "attempts")
        problems += strategyProblems + aggregationProblems + EncodingSettings.problems(of: encoding)
        problems += AttackSettings.problems(of: attack)
        check(
            attack.isEmpty || ["", "f32"].contains(encoding["name"]?.stringValue ?? ""), "attack",
            "an encoding of updates beside it", "encoding: f32, since hostile updates are written as they are")
        range(evaluation.every, 0...1_000_000, "evaluation.every")
        if let first = evaluation.first { range(first, 0...1_000_000, "evaluation.first") }
        check(
            Self.isLabel(evaluation.split), "evaluation.split", "\"\(evaluation.split.prefix(80))\"",
            "1 to 128 printable characters without spaces")
        seconds(evaluation.deadline, "evaluation.deadline")
        range(evaluation.perClient, 0...1_000_000, "evaluation.perClient")
        check(
            evaluation.perClientHoldOut >= 0 && evaluation.perClientHoldOut < 1, "evaluation.perClientHoldOut",
            "\(evaluation.perClientHoldOut)", "at least 0 and less than 1")
        check(
            evaluation.perClientHoldOut == 0 || evaluation.perClient > 0, "evaluation.perClientHoldOut",
            "\(evaluation.perClientHoldOut) without evaluation.perClient", "both or neither")
        check(
            !evaluation.personalise || evaluation.perClient > 0, "evaluation.personalise",
            "true without evaluation.perClient", "both or neither")
        check(
            Self.isLabel(selectBy.metric), "selectBy", "\"\(selectBy.description.prefix(80))\"",
            "a metric's name, with - before it when lower is better")
        range(limits.maximumExamples, 1...(1 << 40), "limits.maximumExamples")
        if let norm = limits.maximumNorm {
            check(norm > 0 && norm <= 1e18, "limits.maximumNorm", "\(norm)", "more than 0 and at most 1e18")
        }
        if let refusals = limits.quarantineAfter { range(refusals, 1...1_000_000, "limits.quarantineAfter") }
        range(checkpointEvery, 0...1_000_000, "checkpointEvery")
        problems += Self.problems(of: model, "model") + Self.problems(of: training, "training")
        problems += Self.problems(of: evaluation.settings, "evaluation")
        for (key, settings) in [
            ("strategy", strategy), ("aggregation", aggregation), ("privacy", privacy), ("encoding", encoding),
            ("secureAggregation", secureAggregation), ("attack", attack), ("corruption", corruption),
            ("partition", partition), ("clock", clock),
            ("adaptiveDeadline", adaptiveDeadline ?? [:]), ("asynchronous", asynchronous ?? [:]),
        ] {
            problems += Self.problems(of: settings, key)
        }
        problems += tensorNameProblems + privacyProblems + secureAggregationProblems + figureProblems + studyProblems
        return problems
    }

    /// `training.learningRate` of the clients, `standardLearningRate` when it is absent.
    public var clientLearningRate: Double {
        training["learningRate"]?.doubleValue ?? Self.standardLearningRate
    }

    /// How many clients the federation has: `strategy.clients`, else the number of `clients.participants`; nil when
    /// neither says.
    public var population: Int? {
        strategy["clients"]?.intValue ?? clients.participants.map { Set($0).count }
    }

    private var strategyProblems: [String] {
        let problems = StrategySettings.problems(of: strategy)
        guard problems.isEmpty, let settings = try? StrategySettings(strategy) else { return problems }
        if settings.needsPopulation, (population ?? 0) < max(1, clients.perRound) {
            return [
                "strategy.clients: found \(population.map { "\($0)" } ?? "nothing"), expected the number of clients in "
                    + "the federation, at least clients.perRound (\(clients.perRound)), for \(strategyName)"
            ]
        }
        let usesRate = settings.name == .scaffold || (settings.name == .fedopt && settings.serverOptimizer == .sgd)
        if usesRate, !(clientLearningRate > 0) {
            return [
                "training.learningRate: found \(clientLearningRate), expected more than 0 for \(strategyName), which "
                    + "divides by it"
            ]
        }
        return []
    }

    private var participantProblems: [String] {
        guard let names = clients.participants else { return [] }
        var problems: [String] = []
        for name in Set(names).sorted() where !Self.isLabel(name) {
            problems.append("clients.participants: found \"\(name.prefix(80))\", expected a client's name")
        }
        if Set(names).count < names.count {
            let twice = Dictionary(grouping: names, by: { $0 }).filter { $1.count > 1 }.keys.sorted()
            problems.append("clients.participants: found \(twice.joined(separator: ", ")) more than once")
        }
        let quorum = max(clients.minimum, clients.minimumUpdates)
        if Set(names).count < quorum {
            problems.append(
                "clients.participants: found \(Set(names).count) names, expected at least \(quorum) "
                    + "(clients.minimum and clients.minimumUpdates)")
        }
        return problems
    }

    private var tensorNameProblems: [String] {
        var problems: [String] = []
        for (key, names) in [("kept", kept), ("latest", latest)] where Set(names).count < names.count {
            problems.append("\(key): found a tensor more than once")
        }
        for name in Set(kept).intersection(latest).sorted() {
            problems.append("latest: found the tensor \"\(name)\", which is in kept too; expected it in one of them")
        }
        return problems
    }

    private static func problems(of settings: Settings, _ key: String) -> [String] {
        var problems: [String] = []
        if settings.count > 1000 { problems.append("\(key): found \(settings.count) settings, expected at most 1000") }
        for (name, value) in settings.sorted(by: { $0.key < $1.key }) {
            if !(1...128).contains(name.utf8.count) {
                problems.append("\(key): found a name of \(name.utf8.count) bytes, expected 1 to 128")
            }
            if !value.isRepresentable {
                problems.append("\(key).\(name): expected finite numbers, and lists at most 8 deep")
            }
        }
        return problems
    }

    private static func isName(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
            }
    }

    /// Names of data sets, splits, metrics and clients.
    private static func isLabel(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
}
