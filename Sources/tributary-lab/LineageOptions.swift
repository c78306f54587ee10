import ArgumentParser
import Jobs
import Simulation

/// What `simulate` says of sites and clients beside the job's own metrics.
struct LineageOptions: ParsableArguments {
    @Flag(help: "Train each client once from the last weights and evaluate its model on every client's examples.")
    var crossSite = false

    @Option(
        help:
            "For --cross-site, names with commas between them, or how many clients; all of at most \(CrossSiteSelection.limit) unless given."
    )
    var crossSiteClients: String?

    @Option(
        help: "Score what each client's update contributes to the last round: loo (leave-one-out) or shapley.")
    var contributions: ContributionMethod?

    @Option(help: "Score every so many rounds besides.")
    var contributionEvery = 0

    @Option(help: "Random orders for shapley.")
    var permutations = 50

    @Option(help: "For shapley, end an order once its utility is so near to that of all updates; 0 never does.")
    var truncation = 0.0

    @Option(help: "The most coalitions of a round that are folded and evaluated.")
    var contributionBudget = 5000

    func validate() throws {
        if crossSiteClients != nil, !crossSite {
            throw ValidationError("--cross-site-clients: found without --cross-site, expected both")
        }
    }

    /// The sites of a cross-site evaluation; nil without.
    var sites: CrossSiteSelection? {
        crossSite ? crossSiteClients.map { CrossSiteSelection($0) } ?? .all : nil
    }

    /// The settings of contribution scores; nil without.
    var settings: ContributionSettings? {
        contributions.map {
            ContributionSettings(
                method: $0.method, every: contributionEvery, permutations: permutations, tolerance: truncation,
                budget: contributionBudget)
        }
    }
}

/// A method by its word.
enum ContributionMethod: String, ExpressibleByArgument, CaseIterable {
    case loo, shapley

    var method: ContributionSettings.Method {
        switch self {
        case .loo: .loo
        case .shapley: .shapley
        }
    }
}
