/// The contribution scores of a run: `contributions.json`.
public struct ContributionTotals: Sendable, Hashable, Codable {
    /// A client over the rounds that were looked at.
    public struct Client: Sendable, Hashable, Codable {
        /// Its name.
        public var name: String
        /// In how many of these rounds it took part.
        public var rounds: Int
        /// The sum of its scores.
        public var score: Double
        /// The root of the summed squares of its standard errors; nil where a round has none.
        public var standardError: Double?
    }

    /// By sum, the largest first.
    public var clients: [Client]
    /// Round by round.
    public var rounds: [RoundContributions]

    /// The sums over rounds.
    public init(_ rounds: [RoundContributions]) {
        self.rounds = rounds
        var parts: [String: [RoundContributions.Client]] = [:]
        for client in rounds.flatMap(\.clients) { parts[client.name, default: []].append(client) }
        clients = parts.map { name, parts in
            let errors = parts.compactMap(\.standardError)
            return Client(
                name: name, rounds: parts.count, score: parts.reduce(0) { $0 + $1.score },
                standardError: errors.count == parts.count
                    ? errors.reduce(0) { $0 + $1 * $1 }.squareRoot() : nil)
        }.sorted { ($1.score, $0.name) < ($0.score, $1.name) }
    }

    /// One line a round and client.
    public func csv() -> String {
        let head = ["round", "client", "examples", "weight", "score", "standardError"]
        return CommaSeparated.text(
            [head]
                + rounds.flatMap { round in
                    round.clients.map { client in
                        [
                            "\(round.round)", client.name, "\(client.examples)", client.weight.map { "\($0)" } ?? "",
                            "\(client.score)", client.standardError.map { "\($0)" } ?? "",
                        ]
                    }
                })
    }

    /// `contributions.json` and `contributions.csv`, by name.
    public func files() throws -> [(name: String, bytes: [UInt8])] {
        [("contributions.json", try JSONText.of(self)), ("contributions.csv", Array(csv().utf8))]
    }
}
