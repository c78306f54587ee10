internal import Durability
internal import Foundation

/// The contribution scores of a run: `contributions.json`.
struct ContributionTotals: Sendable, Codable {
    /// A client over the rounds that were looked at.
    struct Client: Sendable, Codable {
        var name: String
        /// In how many of these rounds it took part.
        var rounds: Int
        /// The sum of its scores.
        var score: Double
        /// The root of the summed squares of its standard errors; nil where a round has none.
        var standardError: Double?
    }

    /// By sum, the largest first.
    var clients: [Client]
    var rounds: [RoundContributions]

    init(_ rounds: [RoundContributions]) {
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
    func csv() -> String {
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

    /// Writes `contributions.json` and `contributions.csv`.
    func write(to folder: String) throws {
        try DurableFile.write(try JSONText.of(self), to: "\(folder)/contributions.json", permissions: 0o644)
        try DurableFile.write(csv(), to: "\(folder)/contributions.csv", permissions: 0o644)
    }
}
