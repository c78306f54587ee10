/// A client that is left out of a round because its secrets could not be put together again.
public struct SecureExclusion: Sendable, Hashable {
    /// The client.
    public var client: String
    /// How many of its neighbours could not open their shares.
    public var complaints: Int
    /// How many of its neighbours had looked, of those who were left when it was judged.
    public var neighbours: Int
    /// How many good shares were left, its own among them.
    public var good: Int
    /// How many are needed.
    public var threshold: Int

    /// Whether it was the client itself that did wrong: more than half of its neighbours say so. Fewer can be liars, who could
    /// also have kept the shares back that they were given; then it is left out, and nobody is accused.
    public var isToBlame: Bool { complaints * 2 > neighbours }

    /// The reason in a sentence.
    public var reason: String {
        let left = "\(good) good share\(good == 1 ? "" : "s") left, at least \(threshold) are needed"
        return complaints == 0
            ? "too many of the client's neighbours are gone: \(left)"
            : "\(complaints) of \(neighbours) neighbours cannot open the client's shares: \(left)"
    }
}

/// What clients say of the shares that they were sent, and who cannot take part because of it.
///
/// A secret whose holders have fewer than `threshold` good shares would end the round when it is asked for, after everybody's
/// work; so its owner is left out before anybody masks with it. A complaint names a client and nothing else.
struct ShareComplaints: Sendable {
    /// Who cannot open whose shares, by the one who says it.
    private var complaints: [String: Set<String>] = [:]

    /// Those who have looked at their shares.
    var count: Int { complaints.count }

    /// Whether a client has.
    func hasLooked(_ client: String) -> Bool { complaints[client] != nil }

    /// Takes what a client says.
    mutating func receive(_ names: [String], from client: String) { complaints[client] = Set(names) }

    /// Those who cannot take part, in the order in which they are found: always the one with the fewest good shares first,
    /// because who is out holds no shares of others any more, and its complaints do not count.
    ///
    /// - Parameter clients: those who shared and have looked, in order of name.
    func exclusions(among clients: [String], graph: MaskGraph, threshold: Int) -> [SecureExclusion] {
        var left = Set(clients)
        var judged = Dictionary(
            uniqueKeysWithValues: clients.map { ($0, judge($0, graph.neighbours(of: $0), left, threshold)) })
        var found: [SecureExclusion] = []
        while let worst = clients.compactMap({ judged[$0] }).filter({ $0.good < threshold }).min(by: {
            $0.good < $1.good
        }) {
            found.append(worst)
            left.remove(worst.client)
            judged[worst.client] = nil
            for name in graph.neighbours(of: worst.client) where judged[name] != nil {
                judged[name] = judge(name, graph.neighbours(of: name), left, threshold)
            }
        }
        return found
    }

    private func judge(
        _ client: String, _ neighbours: [String], _ left: Set<String>, _ threshold: Int
    ) -> SecureExclusion {
        let here = neighbours.filter(left.contains)
        let complaining = here.count { complaints[$0]?.contains(client) == true }
        return SecureExclusion(
            client: client, complaints: complaining, neighbours: here.count, good: here.count - complaining + 1,
            threshold: threshold)
    }
}
