internal import Jobs

extension CrossSiteSelection {
    /// The sites, in the order of the partition.
    ///
    /// - Throws: ``SimulationError`` `job` for a name that no client with examples has, a number below 1, and too many.
    func sites(of clients: [VirtualClient]) throws(SimulationError) -> [VirtualClient] {
        let candidates = clients.filter { !$0.rows.isEmpty }
        let sites: [VirtualClient]
        switch self {
        case .all:
            guard candidates.count <= CrossSiteSelection.limit else {
                throw SimulationError(
                    .job,
                    "cross-site evaluation: the partition has \(candidates.count) clients, expected at most "
                        + "\(CrossSiteSelection.limit); --cross-site-clients takes names, or how many from the first on"
                )
            }
            sites = candidates
        case .first(let count):
            guard count >= 1 else {
                throw SimulationError(.job, "--cross-site-clients: found \(count), expected at least 1")
            }
            sites = Array(candidates.prefix(count))
        case .named(let names):
            let wanted = Set(names)
            sites = candidates.filter { wanted.contains($0.name) }
            if let missing = names.first(where: { name in !sites.contains { $0.name == name } }) {
                throw SimulationError(
                    .job, "--cross-site-clients: no client with examples has the name \"\(missing.prefix(80))\"")
            }
        }
        guard !sites.isEmpty, sites.count <= CrossSiteSelection.maximum else {
            throw SimulationError(
                .job, "cross-site evaluation: found \(sites.count) sites, expected 1 to \(CrossSiteSelection.maximum)")
        }
        return sites
    }
}
