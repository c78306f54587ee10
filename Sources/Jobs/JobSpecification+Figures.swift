/// What a job does with the figures that clients report of themselves: losses, counts, confusion matrices and histograms.
public enum ReportedFigures: String, Sendable, Hashable, Codable, CaseIterable {
    /// They stay with the client.
    case withheld
    /// They are reported as they are, by the clients whose sites allow it.
    case clear
}

extension JobSpecification {
    /// Whether the job keeps what one client has from the coordinator, by masks or by noise of the client's own. A figure that a client
    /// reported as it is would tell the coordinator what the update does not.
    public var hidesClients: Bool {
        switch privacyMechanism {
        case .local, .record, .distributed: true
        case .central, .ftrl, nil: !secureAggregation.isEmpty
        }
    }

    /// Whether clients keep the figures of their tasks to themselves: in a job that hides single clients, unless it says
    /// `reportFigures: clear`.
    public var withholdsFigures: Bool { hidesClients && reportFigures != .clear }

    private var privacyMechanism: PrivacySettings.Mechanism? {
        privacy["mechanism"]?.stringValue.flatMap { PrivacySettings.Mechanism(rawValue: $0) }
    }

    /// What does not go together with figures that are withheld, each with the reason.
    var figureProblems: [String] {
        var found: [String] = []
        if reportFigures == .withheld, !hidesClients {
            found.append(
                "reportFigures: found withheld, expected nothing, or secureAggregation or one of the mechanisms distributed, "
                    + "local and record beside it: a coordinator that sees single updates learns more from them")
        }
        guard withholdsFigures else { return found }
        if let sampling = try? SamplingSettings(clients.sampling.settings),
            sampling.name == .oort || sampling.name == .powerOfChoice
        {
            found.append(
                "clients.sampling: found \(sampling.name.rawValue) in a job whose clients withhold their figures, expected a "
                    + "sampling that does not look at losses, or reportFigures: clear")
        }
        return found
    }
}

extension TaskStatistics {
    /// What is left of the figures of a training task when they are withheld: nothing, but that a trainer protects single examples
    /// (``privateSteps``, where it does). Not even how many examples there were: in jobs that hide single clients every update counts equally.
    public var withheld: TaskStatistics {
        var left = TaskStatistics()
        left.isWithheld = true
        // How many steps there were would tell how many examples there are.
        if let steps = sums[Self.privateSteps], steps > 0 { left.sums[Self.privateSteps] = 1 }
        return left
    }

    /// How many examples the figures cover; nil where that is withheld.
    public var knownExamples: Int? { isWithheld && examples == 0 ? nil : examples }

    /// The sum in which trainers count the steps that they noised.
    public static let privateSteps = "privateSteps"
}
