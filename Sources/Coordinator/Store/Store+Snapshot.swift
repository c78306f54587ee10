public import Federation
internal import GRDB
internal import Jobs
internal import Wire

extension Store {
    /// Everything durable about a job, for the engine to go on.
    ///
    /// - Parameters:
    ///   - job: the job's identifier.
    ///   - seenSince: clients last seen before this time (milliseconds since 1970) are not waited for.
    ///   - lastAlive: the last instant at which the coordinator ran before it was restarted; nil when it ran on.
    ///   - isAdmitted: whether a client may come back; false for revoked ones.
    /// - Throws: ``CoordinatorError`` `notFound`.
    public func snapshot(
        job id: String, seenSince: Int64, lastAlive: Int64?,
        isAdmitted: @escaping @Sendable (String) -> Bool
    ) async throws -> (job: JobRecord, snapshot: EngineSnapshot) {
        try await read { db in
            guard let row = try db.row("SELECT * FROM jobs WHERE id = ?", [id]) else {
                throw CoordinatorError(.notFound, "there is no job \(id)")
            }
            let job = try JobRecord(row)
            let failed = try db.rows(
                """
                SELECT attempt, refusals, reason FROM rounds WHERE job = ? AND round = ? AND phase = 'failed'
                ORDER BY attempt
                """,
                [id, job.completedRounds])
            let failedClients = try failed.flatMap {
                try StoredJSON.value([StoredRefusal].self, $0["refusals"]).map(\.client)
            }
            let declined = try db.rows(
                "SELECT DISTINCT client FROM refusals WHERE job = ? AND declined = 1 AND kind = 'train'", [id])
            let spent = try Self.spent(job, in: db)
            let snapshot = EngineSnapshot(
                specification: job.specification, weightsDigest: job.weightsDigest, status: job.status,
                pausedAt: job.pausedAt, completedRounds: job.completedRounds, failedAttempts: failed.count,
                failedInRound: Set(failedClients), lastFailure: failed.last?["reason"] ?? "",
                declined: Set(declined.map { $0["client"] as String }), offences: try Self.offences(job, in: db),
                current: job.specification.asynchronous == nil ? try Self.openRound(job, in: db) : nil,
                evaluations: try Self.openEvaluations(job, in: db),
                known: try Self.known(job, seenSince: seenSince, in: db).filter { isAdmitted($0.client) },
                history: try Self.selectionHistory(job, in: db), buffer: try Self.buffer(job, in: db),
                study: try Self.study(job, in: db), lastAlive: lastAlive, spent: spent)
            return (job, snapshot)
        }
    }

    /// How many updates of each client were refused for what was wrong with them, where the job counts them.
    private static func offences(_ job: JobRecord, in db: Database) throws -> [String: Int] {
        guard job.specification.limits.quarantineAfter != nil else { return [:] }
        var offences: [String: Int] = [:]
        let rows = try db.rows(
            "SELECT client, code FROM refusals WHERE job = ? AND declined = 0 AND kind = 'train'", [job.id])
        for row in rows where AdmissionRules.offences.contains(row["code"]) {
            offences[row["client"], default: 0] += 1
        }
        return offences
    }

    private static func openRound(_ job: JobRecord, in db: Database) throws -> EngineSnapshot.Current? {
        let row = try db.row(
            """
            SELECT * FROM rounds WHERE job = ? AND round = ? AND phase IN ('training', 'own')
            ORDER BY attempt DESC LIMIT 1
            """,
            [job.id, job.completedRounds])
        guard let row else { return nil }
        let cohort = CohortRecord(
            round: row["round"], attempt: row["attempt"], cohort: try StoredJSON.value(row["cohort"]),
            startedAt: row["started"], deadline: row["deadline"],
            charge: try (row["charge"] as String?).map { try StoredJSON.value($0) })
        var updates: [String: TaskStatistics] = [:]
        var arrivals: [String: Int64] = [:]
        let committed = try db.rows(
            "SELECT client, statistics, committed FROM updates WHERE job = ? AND round = ? AND attempt = ?",
            [job.id, cohort.round, cohort.attempt])
        for row in committed {
            updates[row["client"]] = try StoredJSON.value(row["statistics"])
            arrivals[row["client"]] = row["committed"]
        }
        return EngineSnapshot.Current(
            cohort: cohort, updates: updates,
            refused: try refusals(job.id, .init(.train, round: cohort.round, attempt: cohort.attempt), in: db),
            arrivals: arrivals)
    }

    private static func openEvaluations(_ job: JobRecord, in db: Database) throws -> [EngineSnapshot.Evaluation] {
        try db.rows("SELECT * FROM evaluations WHERE job = ? AND is_open = 1 ORDER BY round", [job.id]).map { row in
            let record = EvaluationRecord(
                round: row["round"], attempt: row["attempt"], weightsDigest: row["weights_digest"],
                evaluators: try StoredJSON.value(row["evaluators"]), deadline: row["deadline"])
            var reports: [String: TaskStatistics] = [:]
            let rows = try db.rows(
                "SELECT client, statistics FROM reports WHERE job = ? AND round = ? AND attempt = ?",
                [job.id, record.round, record.attempt])
            for row in rows { reports[row["client"]] = try StoredJSON.value(row["statistics"]) }
            return EngineSnapshot.Evaluation(
                record: record, reports: reports,
                refused: try refusals(job.id, .init(.evaluate, round: record.round, attempt: record.attempt), in: db))
        }
    }

    private static func refusals(_ job: String, _ task: RoundTask, in db: Database) throws -> [TaskRefusal] {
        try db.rows(
            """
            SELECT client, code, reason FROM refusals WHERE job = ? AND round = ? AND attempt = ? AND kind = ?
            ORDER BY client
            """,
            [job, task.round, task.attempt, task.kind.rawValue]
        ).map { TaskRefusal(client: $0["client"], code: $0["code"], reason: $0["reason"]) }
    }

    private static func known(
        _ job: JobRecord, seenSince: Int64, in db: Database
    ) throws -> [EngineSnapshot.Known] {
        try db.rows("SELECT name, datasets FROM clients WHERE last_seen >= ? ORDER BY name", [seenSince])
            .compactMap { row in
                let cards: [DatasetCard] = try StoredJSON.value(row["datasets"])
                return cards.first { $0.name == job.specification.data }.map {
                    EngineSnapshot.Known(client: row["name"], examples: $0.examples)
                }
            }
    }

    /// The newest time in any row.
    static func lastAlive(in db: Database) throws -> Int64? {
        try db.row(
            """
            SELECT max(at) AS at FROM (
                SELECT max(value) AS at FROM facts WHERE name = 'alive'
                UNION ALL SELECT max(last_seen) FROM clients UNION ALL SELECT max(committed) FROM updates
                UNION ALL SELECT max(at) FROM reports UNION ALL SELECT max(at) FROM refusals
                UNION ALL SELECT max(coalesce(ended, started)) FROM rounds UNION ALL SELECT max(started) FROM draws
                UNION ALL SELECT max(submitted) FROM jobs
            )
            """
        )?["at"]
    }
}
