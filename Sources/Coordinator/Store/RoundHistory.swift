public import Federation
internal import GRDB
public import Jobs

/// One round as the store holds it: the newest attempt, with the evaluation of its weights.
public struct RoundHistory: Sendable, Hashable {
    /// Where a round stands.
    public enum Phase: String, Sendable, Hashable {
        /// Its tasks are out.
        case training
        /// Its weights are there.
        case completed
        /// The attempt failed.
        case failed
    }

    /// The round, from 0.
    public var round: Int
    /// The attempt, from 0.
    public var attempt: Int
    /// Where it stands.
    public var phase: Phase
    /// The clients chosen, in order of their names.
    public var cohort: [String]
    /// The clients whose updates count, in order of their names.
    public var admitted: [String]
    /// What the admitted updates weigh in the weights, by client.
    var contributions: [String: StoredContribution]
    /// The clients without an update.
    public var refusals: [TaskRefusal]
    /// The summed training statistics; nil before the round is complete.
    public var totals: TaskStatistics?
    /// SHA-256 of the weights before the round; nil before it is complete.
    public var baseDigest: String?
    /// SHA-256 of the weights after the round; nil before it is complete.
    public var weightsDigest: String?
    /// When the cohort was committed, milliseconds since 1970.
    public var startedAt: Int64
    /// When the round or attempt ended.
    public var endedAt: Int64?
    /// The evaluation's metrics; empty until it is in.
    public var metrics: [String: Double]
    /// The evaluation's summed statistics.
    public var evaluation: TaskStatistics?
    /// What the round costs; nil in a job without privacy.
    public var charge: RoundCharge?

    init(_ row: Row) throws {
        round = row["round"]
        attempt = row["attempt"]
        let phase: String = row["phase"]
        guard let known = Phase(rawValue: phase) else {
            throw CoordinatorError(.store, "round \(round): unknown phase \(phase)")
        }
        self.phase = known
        cohort = try StoredJSON.value(row["cohort"])
        admitted = try StoredJSON.value(row["admitted"])
        contributions = try StoredJSON.value(row["contributions"])
        refusals = try StoredJSON.value([StoredRefusal].self, row["refusals"]).map(\.refusal)
        totals = try (row["totals"] as String?).map { try StoredJSON.value($0) }
        baseDigest = row["base_digest"]
        weightsDigest = row["weights_digest"]
        startedAt = row["started"]
        endedAt = row["ended"]
        metrics = try (row["metrics"] as String?).map { try StoredJSON.value($0) } ?? [:]
        evaluation = try (row["evaluation_totals"] as String?).map { try StoredJSON.value($0) }
        charge = try (row["charge"] as String?).map { try StoredJSON.value($0) }
    }
}

/// What one update weighs in a round's weights, inside a JSON column.
struct StoredContribution: Codable, Hashable {
    var weight: Double
    var leftOut: String?
    /// How many versions old the update was, in an asynchronous job.
    var staleness: Int?

    /// Those that are known, by client.
    static func map(_ result: RoundResult) -> [String: StoredContribution] {
        var map: [String: StoredContribution] = [:]
        for update in result.admitted {
            guard let weight = update.weight else { continue }
            let staleness = update.startedFrom.map { result.round - $0 }
            map[update.client] = .init(weight: weight, leftOut: update.leftOut, staleness: staleness)
        }
        return map
    }
}

/// A refusal inside a JSON column.
struct StoredRefusal: Codable {
    var client: String
    var code: String
    var reason: String

    init(_ refusal: TaskRefusal) {
        client = refusal.client
        code = refusal.code
        reason = refusal.reason
    }

    var refusal: TaskRefusal { TaskRefusal(client: client, code: code, reason: reason) }
}
