internal import GRDB
public import Jobs

/// One job as the store holds it.
public struct JobRecord: Sendable, Hashable {
    /// The identifier.
    public var id: String
    /// The order of submissions; 0 before it is stored.
    public var sequence = 0
    /// Who submitted it.
    public var `operator`: String
    /// The operator's token that made the submission idempotent; nil for none.
    public var token: String?
    /// What it is.
    public var specification: JobSpecification
    /// Where it stands.
    public var status: JobStatus
    /// When it was submitted, milliseconds since 1970.
    public var submittedAt: Int64
    /// When it ended.
    public var endedAt: Int64?
    /// Since when it is paused.
    public var pausedAt: Int64?
    /// SHA-256 of the initial weights.
    public var initialDigest: String
    /// SHA-256 of the newest weights.
    public var weightsDigest: String
    /// The size of the canonical weights, the same in every round.
    public var weightsBytes: Int64
    /// The digest of the weights' schema, the same in every round.
    public var schemaDigest: String
    /// How many rounds are complete.
    public var completedRounds: Int
    /// The best evaluated round by `selectBy`.
    public var bestRound: Int?
    /// That round's value.
    public var bestValue: Double?
    /// The trainer that made the initial weights, and its libraries.
    public var trainer: [String: String]

    /// A job that was just submitted.
    public init(
        id: String, operator: String, token: String?, specification: JobSpecification, submittedAt: Int64,
        initialDigest: String, weightsBytes: Int64, schemaDigest: String, trainer: [String: String]
    ) {
        self.id = id
        self.operator = `operator`
        self.token = token
        self.specification = specification
        status = JobStatus(.queued, reason: "waits for its turn")
        self.submittedAt = submittedAt
        self.initialDigest = initialDigest
        weightsDigest = initialDigest
        self.weightsBytes = weightsBytes
        self.schemaDigest = schemaDigest
        completedRounds = 0
        self.trainer = trainer
    }

    init(_ row: Row) throws {
        id = row["id"]
        sequence = row["sequence"]
        `operator` = row["operator"]
        token = row["token"]
        specification = try StoredJSON.value(row["specification"])
        let state: String = row["state"]
        guard let known = JobState(rawValue: state) else {
            throw CoordinatorError(.store, "job \(id): unknown state \(state)")
        }
        status = JobStatus(known, reason: row["reason"])
        submittedAt = row["submitted"]
        endedAt = row["ended"]
        pausedAt = row["paused"]
        initialDigest = row["initial_digest"]
        weightsDigest = row["weights_digest"]
        weightsBytes = row["weights_bytes"]
        schemaDigest = row["schema_digest"]
        completedRounds = row["completed"]
        bestRound = row["best_round"]
        bestValue = row["best_value"]
        trainer = try StoredJSON.value(row["trainer"])
    }
}
