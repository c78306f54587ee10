internal import GRDB
public import Jobs

extension Store {
    /// What became of a submission.
    public enum Submission: Sendable {
        /// The job is new.
        case inserted(sequence: Int)
        /// The operator used the token before, for this job.
        case existed(JobRecord)
    }

    /// Takes a job with its initial weights, once a token.
    ///
    /// - Throws: ``CoordinatorError`` `conflict` when the token was used for another specification or other weights.
    public func insertJob(_ job: JobRecord) async throws -> Submission {
        try await write { db in
            if let token = job.token, let known = try Self.job(operator: job.operator, token: token, in: db) {
                try Self.checkSame(known, job)
                return .existed(known)
            }
            try db.run(
                "INSERT OR IGNORE INTO blobs (digest, bytes) VALUES (?, ?)", [job.initialDigest, job.weightsBytes])
            try db.run(
                """
                INSERT INTO jobs (id, name, operator, token, specification, state, reason, submitted, initial_digest,
                    weights_digest, weights_bytes, schema_digest, trainer)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    job.id, job.specification.name, job.operator, job.token, try StoredJSON.text(job.specification),
                    job.status.state.rawValue, job.status.reason, job.submittedAt, job.initialDigest,
                    job.weightsDigest, job.weightsBytes, job.schemaDigest, try StoredJSON.text(job.trainer),
                ])
            let sequence = db.lastInsertedRowID
            try db.run(
                "INSERT INTO checkpoints (job, round, digest, permanent) VALUES (?, -1, ?, 1)",
                [job.id, job.initialDigest])
            return .inserted(sequence: Int(sequence))
        }
    }

    /// The job that an operator submitted with a token.
    public func job(operator name: String, token: String) async throws -> JobRecord? {
        try await read { db in try Self.job(operator: name, token: token, in: db) }
    }

    /// A job by its identifier, or the newest of a name.
    public func job(_ reference: String) async throws -> JobRecord? {
        try await read { db in
            let row =
                try db.row("SELECT * FROM jobs WHERE id = ?", [reference])
                ?? db.row("SELECT * FROM jobs WHERE name = ? ORDER BY sequence DESC LIMIT 1", [reference])
            return try row.map(JobRecord.init)
        }
    }

    /// All jobs, newest first.
    public func jobs() async throws -> [JobRecord] {
        try await read { db in try db.rows("SELECT * FROM jobs ORDER BY sequence DESC").map(JobRecord.init) }
    }

    /// The jobs that are not over, oldest first.
    public func unfinishedJobs() async throws -> [JobRecord] {
        try await read { db in
            try db.rows(
                "SELECT * FROM jobs WHERE state IN ('queued', 'running', 'paused') ORDER BY sequence"
            ).map(JobRecord.init)
        }
    }

    /// Makes a job's state durable; the tasks of an asynchronous job are over with it, and so are studied models.
    ///
    /// - Parameter dropsUpdates: whether the updates of a job that is over are dropped, those of its last round too.
    /// - Returns: the blobs that no row refers to any more.
    @discardableResult
    public func commitStatus(
        job: String, _ status: JobStatus, at time: Int64, dropsUpdates: Bool = false
    ) async throws -> [String] {
        try await write { db in
            try db.run(
                """
                UPDATE jobs SET state = ?, reason = ?, ended = CASE WHEN ? THEN coalesce(ended, ?) END,
                    paused = CASE WHEN ? THEN coalesce(paused, ?) END
                WHERE id = ?
                """,
                [
                    status.state.rawValue, status.reason, status.state.isFinal, time, status.state == .paused, time,
                    job,
                ])
            if status.state.isFinal {
                try db.run(
                    """
                    UPDATE updates SET spooled = 0
                    WHERE job = ? AND spooled = 1 AND (? OR round >= (SELECT completed FROM jobs WHERE id = ?))
                    """,
                    [job, dropsUpdates, job])
            }
            return status.state.isFinal ? try Self.closeDraws(of: job, in: db) + Self.closeStudy(of: job, in: db) : []
        }
    }

    private static func job(operator name: String, token: String, in db: Database) throws -> JobRecord? {
        try db.row("SELECT * FROM jobs WHERE operator = ? AND token = ?", [name, token]).map(JobRecord.init)
    }

    static func checkSame(_ known: JobRecord, _ job: JobRecord) throws {
        guard known.specification == job.specification, known.initialDigest == job.initialDigest else {
            throw CoordinatorError(
                .conflict,
                "the token was used before for job \(known.id) with another specification or other weights")
        }
    }
}
