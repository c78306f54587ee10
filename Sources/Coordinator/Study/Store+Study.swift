public import Federation
internal import GRDB
internal import Jobs

/// The models that are evaluated once the rounds are over. Their evaluations and reports are rows like all others, with a
/// `model`; their weights are checkpoints until the evaluation is over.
extension Store {
    /// Makes it durable which sites' own models are there. Their updates stay in the spool until the job is over.
    public func commitOwnModels(job: String, _ result: OwnModelsResult) async throws {
        try await write { db in
            try db.run(
                """
                UPDATE rounds SET phase = 'shown', ended = ?, admitted = ?, refusals = ? WHERE job = ? AND round = ?
                """,
                [
                    result.completedAt, try StoredJSON.text(result.updates.map(\.client)),
                    try StoredJSON.text(result.refusals.map(StoredRefusal.init)), job, result.round,
                ])
        }
    }

    /// Makes a studied model with its evaluation durable. Doing it twice changes nothing.
    public func commitStudy(job: JobRecord, _ record: StudyRecord) async throws {
        let evaluation = record.evaluation
        let isOpen = record.failure == nil
        try await write { db in
            try db.run(
                """
                INSERT OR IGNORE INTO evaluations
                    (job, round, attempt, weights_digest, evaluators, deadline, is_open, model, failure)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    job.id, evaluation.round, evaluation.attempt, evaluation.weightsDigest,
                    try StoredJSON.text(evaluation.evaluators), evaluation.deadline, isOpen,
                    try StoredJSON.text(record.model), record.failure,
                ])
            guard isOpen, db.changesCount > 0 else { return }
            try db.run(
                "INSERT OR IGNORE INTO blobs (digest, bytes) VALUES (?, ?)",
                [evaluation.weightsDigest, job.weightsBytes])
            try db.run(
                "INSERT OR IGNORE INTO checkpoints (job, round, digest, permanent) VALUES (?, ?, ?, 0)",
                [job.id, evaluation.round, evaluation.weightsDigest])
        }
    }

    // MARK: Inside other transactions

    /// What an engine knows of the studied models of a job.
    static func study(_ job: JobRecord, in db: Database) throws -> ModelStudy {
        let specification = job.specification
        guard specification.crossSite != nil || specification.contributions != nil else { return ModelStudy() }
        var study = ModelStudy()
        if specification.contributions != nil {
            let row = try db.row(
                "SELECT attempt, base_digest FROM rounds WHERE job = ? AND round = ? AND phase = 'completed'",
                [job.id, specification.rounds - 1])
            if let row {
                study.lastRound = AggregationOrder(
                    round: specification.rounds - 1, attempt: row["attempt"], weightsDigest: row["base_digest"],
                    updates: try updates(job.id, round: specification.rounds - 1, attempt: row["attempt"], in: db))
            }
        }
        let own = try db.row(
            "SELECT 1 FROM rounds WHERE job = ? AND round = ? AND phase = 'shown'", [job.id, specification.rounds])
        if own != nil { study.own = try updates(job.id, round: specification.rounds, attempt: 0, in: db) }
        for row in try db.rows(
            "SELECT model, evaluators, failure FROM evaluations WHERE job = ? AND model IS NOT NULL ORDER BY round",
            [job.id])
        {
            study.committed += 1
            let model: StudiedModel = try StoredJSON.value(row["model"])
            guard (row["failure"] as String?) == nil else { continue }
            let evaluators: [String] = try StoredJSON.value(row["evaluators"])
            if model.isAcross {
                study.sites = study.sites ?? evaluators
            } else {
                study.jury = study.jury ?? evaluators
            }
        }
        return study
    }

    /// The committed updates of a round, in order of the clients' names.
    private static func updates(
        _ job: String, round: Int, attempt: Int, in db: Database
    ) throws -> [AdmittedUpdate] {
        let rows = try db.rows(
            "SELECT client, statistics FROM updates WHERE job = ? AND round = ? AND attempt = ?", [job, round, attempt])
        return try rows.map { AdmittedUpdate(client: $0["client"], statistics: try StoredJSON.value($0["statistics"])) }
            .sorted { Participants.precedes($0.client, $1.client) }
    }

    /// Ends the evaluations of studied models of a job that is over.
    ///
    /// - Returns: the blobs that no row refers to any more.
    static func closeStudy(of job: String, in db: Database) throws -> [String] {
        try db.run("UPDATE evaluations SET is_open = 0 WHERE job = ? AND model IS NOT NULL AND is_open = 1", [job])
        return db.changesCount > 0 ? try dropOldWeights(job: job, in: db) : []
    }
}
