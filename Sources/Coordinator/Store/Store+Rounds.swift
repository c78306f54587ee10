public import Federation
internal import GRDB
internal import Jobs

extension Store {
    /// Makes a cohort durable. Doing it twice changes nothing.
    ///
    /// - Parameter isOwnModels: whether its clients train models of their own, and no round.
    public func commitCohort(job: String, _ cohort: CohortRecord, isOwnModels: Bool = false) async throws {
        try await write { db in
            try db.run(
                """
                INSERT OR IGNORE INTO rounds (job, round, attempt, phase, cohort, started, deadline, charge)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    job, cohort.round, cohort.attempt, isOwnModels ? "own" : "training",
                    try StoredJSON.text(cohort.cohort), cohort.startedAt, cohort.deadline,
                    try cohort.charge.map { try StoredJSON.text($0) },
                ])
            let isNew = db.changesCount > 0
            for client in cohort.present where isNew {
                try db.run(
                    """
                    INSERT INTO presence (job, client, draws) VALUES (?, ?, 1)
                    ON CONFLICT (job, client) DO UPDATE SET draws = draws + 1
                    """,
                    [job, client])
            }
            for client in cohort.cohort {
                try db.run(
                    "INSERT OR IGNORE INTO participants (job, client, joined) VALUES (?, ?, ?)",
                    [job, client, cohort.startedAt])
            }
        }
    }

    /// Makes a moved deadline durable.
    public func commitDeadline(job: String, task: RoundTask, deadline: Int64) async throws {
        try await write { db in
            switch task.kind {
            case .train:
                try db.run(
                    "UPDATE rounds SET deadline = ? WHERE job = ? AND round = ? AND attempt = ?",
                    [deadline, job, task.round, task.attempt])
                try Self.moveDraw(job: job, task, deadline: deadline, in: db)
            case .evaluate:
                try db.run(
                    "UPDATE evaluations SET deadline = ? WHERE job = ? AND round = ?", [deadline, job, task.round])
            }
        }
    }

    /// Makes the failure of an attempt durable; its updates count no longer and their files may go.
    public func commitFailure(job: String, _ failure: FailedAttempt) async throws {
        try await write { db in
            try db.run(
                """
                UPDATE rounds SET phase = 'failed', reason = ?, ended = ?, refusals = ?
                WHERE job = ? AND round = ? AND attempt = ?
                """,
                [
                    failure.reason, failure.failedAt, try StoredJSON.text(failure.refusals.map(StoredRefusal.init)),
                    job, failure.round, failure.attempt,
                ])
            try db.run(
                "UPDATE updates SET spooled = 0 WHERE job = ? AND round = ? AND attempt = ?",
                [job, failure.round, failure.attempt])
        }
    }

    /// Makes a round durable with its weights, lineage and evaluation, and lets go what nobody needs any more: the
    /// round's single updates (unless the job keeps them) and weights that are neither recent nor a checkpoint nor the
    /// best nor still being evaluated nor, in an asynchronous job, what a client still trains from.
    ///
    /// - Returns: the blobs that no row refers to any more.
    public func commitRound(job: JobRecord, _ result: RoundResult) async throws -> [String] {
        let isAsynchronous = job.specification.asynchronous != nil
        return try await write { db in
            let result = try isAsynchronous ? Self.fold(result, of: job, in: db) : result
            try db.run(
                """
                UPDATE rounds SET phase = 'completed', ended = ?, admitted = ?, refusals = ?, totals = ?,
                    base_digest = ?, weights_digest = ?, contributions = ?, next_clip_norm = ?
                WHERE job = ? AND round = ? AND attempt = ?
                """,
                [
                    result.completedAt, try StoredJSON.text(result.admitted.map(\.client)),
                    try StoredJSON.text(result.refusals.map(StoredRefusal.init)), try StoredJSON.text(result.totals),
                    result.baseDigest, result.weightsDigest,
                    try StoredJSON.text(StoredContribution.map(result)), result.nextClipNorm, job.id,
                    result.round, result.attempt,
                ])
            try db.run(
                "INSERT OR IGNORE INTO blobs (digest, bytes) VALUES (?, ?)", [result.weightsDigest, job.weightsBytes])
            let isCheckpoint = job.specification.isCheckpoint(round: result.round)
            try db.run(
                "INSERT OR REPLACE INTO checkpoints (job, round, digest, permanent) VALUES (?, ?, ?, ?)",
                [job.id, result.round, result.weightsDigest, isCheckpoint])
            try db.run(
                "UPDATE jobs SET completed = ?, weights_digest = ? WHERE id = ?",
                [result.round + 1, result.weightsDigest, job.id])
            if let evaluation = result.evaluation {
                try db.run(
                    """
                    INSERT OR IGNORE INTO evaluations
                        (job, round, attempt, weights_digest, evaluators, deadline, is_open)
                    VALUES (?, ?, ?, ?, ?, ?, 1)
                    """,
                    [
                        job.id, evaluation.round, evaluation.attempt, evaluation.weightsDigest,
                        try StoredJSON.text(evaluation.evaluators), evaluation.deadline,
                    ])
            }
            if !job.specification.keepUpdates, !isAsynchronous, !job.specification.isStudied(round: result.round) {
                try db.run(
                    "UPDATE updates SET spooled = 0 WHERE job = ? AND round = ?", [job.id, result.round])
            }
            return try Self.dropOldWeights(job: job.id, in: db)
        }
    }

    /// Makes an evaluation's result durable and moves the best round when it is better.
    ///
    /// - Returns: the blobs that no row refers to any more.
    public func commitEvaluation(job: JobRecord, _ result: EvaluationResult) async throws -> [String] {
        try await write { db in
            try db.run(
                """
                UPDATE evaluations SET is_open = 0, reported = ?, refusals = ?, totals = ?, metrics = ?
                WHERE job = ? AND round = ?
                """,
                [
                    try StoredJSON.text(result.reported),
                    try StoredJSON.text(result.refusals.map(StoredRefusal.init)), try StoredJSON.text(result.totals),
                    try StoredJSON.text(result.metrics.filter(\.value.isFinite)), job.id, result.round,
                ])
            let selector = job.specification.selectBy
            // A studied model is no round that could be the best.
            if result.round < job.specification.rounds, let value = result.metrics[selector.metric] {
                let row = try db.row("SELECT best_round, best_value FROM jobs WHERE id = ?", [job.id])
                let best: Double? = row?["best_value"]
                let bestRound: Int? = row?["best_round"]
                let isEarlierEqual = best == value && result.round < (bestRound ?? Int.max)
                if selector.isBetter(value, than: best) || isEarlierEqual {
                    try db.run(
                        "UPDATE jobs SET best_round = ?, best_value = ? WHERE id = ?", [result.round, value, job.id])
                }
            }
            return try Self.dropOldWeights(job: job.id, in: db)
        }
    }

    /// The newest rounds' weights that are always kept.
    static let recentRounds = 3

    static func dropOldWeights(job: String, in db: Database) throws -> [String] {
        let rows = try db.rows(
            """
            SELECT round, digest FROM checkpoints
            WHERE job = :job AND permanent = 0
              AND (round < (SELECT completed FROM jobs WHERE id = :job) - :recent
                   OR round IN (SELECT round FROM evaluations WHERE job = :job AND model IS NOT NULL))
              AND round != coalesce((SELECT best_round FROM jobs WHERE id = :job), -1)
              AND round NOT IN (SELECT round FROM evaluations WHERE job = :job AND is_open = 1)
              AND round + 1 NOT IN (SELECT round FROM draws WHERE job = :job AND trains = 1 AND closed IS NULL)
            """,
            ["job": job, "recent": recentRounds])
        var dropped: [String] = []
        for row in rows {
            let digest: String = row["digest"]
            try db.run("DELETE FROM checkpoints WHERE job = ? AND round = ?", [job, row["round"] as Int])
            if try db.row("SELECT 1 FROM checkpoints WHERE digest = ? LIMIT 1", [digest]) == nil {
                try db.run("DELETE FROM blobs WHERE digest = ?", [digest])
                dropped.append(digest)
            }
        }
        return dropped
    }
}
