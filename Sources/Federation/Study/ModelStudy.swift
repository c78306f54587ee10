public import Jobs

/// What an engine knows of the models that are evaluated once the rounds are over.
///
/// Their evaluations are those of rounds that do not exist: number k has the round `rounds` + k. So deadlines, refusals,
/// reports and restarts are what they are for every evaluation.
public struct ModelStudy: Sendable, Hashable {
    /// What the last round folded; nil before that, and in a job without contribution scores.
    public var lastRound: AggregationOrder?
    /// The updates that make the sites' own models; nil until they are in.
    public var own: [AdmittedUpdate]?
    /// How many models are committed.
    public var committed: Int
    /// Who evaluates the models of a cross-site evaluation; nil before the first.
    public var sites: [String]?
    /// Who evaluates coalitions; nil before the first.
    public var jury: [String]?

    /// The models, in the order of their numbers; nil before all of them are known.
    var models: [StudiedModel]?
    /// The model that is being made or committed.
    var open: Open?
    /// Who missed the deadline of an earlier model, and is not waited for again.
    var late: Set<String> = []

    /// A model on its way.
    enum Open: Sendable, Hashable {
        case making(ModelOrder)
        case committing(StudyRecord)
    }

    /// A study as the store holds it; nothing is known by default.
    public init(
        lastRound: AggregationOrder? = nil, own: [AdmittedUpdate]? = nil, committed: Int = 0, sites: [String]? = nil,
        jury: [String]? = nil
    ) {
        self.lastRound = lastRound
        self.own = own
        self.committed = committed
        self.sites = sites
        self.jury = jury
    }

    /// The models of a job, in the order of their numbers: the global one and the sites' for a cross-site evaluation, then
    /// the coalitions that the contribution scores ask for.
    public func models(of job: JobSpecification) -> [StudiedModel] {
        var models: [StudiedModel] = []
        if job.crossSite != nil { models += [.global] + (own ?? []).map { .site($0.client) } }
        if let settings = job.contributions, let lastRound {
            let clients = lastRound.updates.map(\.client)
            models += settings.coalitions(players: clients.count, seed: job.seed, round: lastRound.round).map {
                places in
                .coalition(places.map { clients[$0] })
            }
        }
        return models
    }
}
