/// Which sites a cross-site evaluation sets against each other: the work grows with the square of their number.
public enum CrossSiteSelection: Sendable, Hashable {
    /// All clients of the partition with examples, of which there may be at most ``limit``.
    case all
    /// The first so many clients with examples, in the order of the partition.
    case first(Int)
    /// These clients.
    case named([String])

    /// The most sites that are evaluated without being asked for by number or name.
    public static let limit = 50
    /// The most sites at all: a million evaluations.
    public static let maximum = 1000

    /// Reads a number or names with commas between them.
    public init(_ text: String) {
        if let count = Int(text) {
            self = .first(count)
        } else {
            self = .named(text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " }.description })
        }
    }

    /// The sites, in the order of the partition.
    ///
    /// - Throws: ``SimulationError`` `job` for a name that no client with examples has, a number below 1, and too many.
    func sites(of clients: [VirtualClient]) throws(SimulationError) -> [VirtualClient] {
        let candidates = clients.filter { !$0.rows.isEmpty }
        let sites: [VirtualClient]
        switch self {
        case .all:
            guard candidates.count <= Self.limit else {
                throw SimulationError(
                    .job,
                    "cross-site evaluation: the partition has \(candidates.count) clients, expected at most "
                        + "\(Self.limit); --cross-site-clients takes names, or how many from the first on")
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
        guard !sites.isEmpty, sites.count <= Self.maximum else {
            throw SimulationError(
                .job, "cross-site evaluation: found \(sites.count) sites, expected 1 to \(Self.maximum)")
        }
        return sites
    }
}
