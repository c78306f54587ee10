public import Federation
internal import GRDB
internal import Jobs

/// What asynchronous jobs make durable: see ``AsynchronousSchema``.
extension Store {
    /// Makes a draw of the open version durable. Doing it twice changes nothing.
    public func commitDraw(job: String, _ draw: CohortRecord) async throws {
        try await write { db in
            let cohort = try StoredJSON.text(draw.cohort)
            try db.run(
                """
                INSERT OR IGNORE INTO draws (job, round, attempt, cohort, weights_digest, started, deadline, trains)
                SELECT id, ?, ?, ?, weights_digest, ?, ?, 1 FROM jobs WHERE id = ?
                """,
                [draw.round, draw.attempt, cohort, draw.startedAt, draw.deadline, job])
            try db.run(
                """
                INSERT OR IGNORE INTO rounds (job, round, attempt, phase, cohort, started, deadline)
                VALUES (?, ?, 0, 'training', ?, ?, ?)
                """,
                [job, draw.round, cohort, draw.startedAt, draw.deadline])
            for client in draw.cohort {
                try db.run(
                    "INSERT OR IGNORE INTO participants (job, client, joined) VALUES (?, ?, ?)",
                    [job, client, draw.startedAt])
            }
        }
    }

    /// The draws of jobs that are not over with tasks that are not over, by job.
    public func openDraws() async throws -> [String: [RoundTask]] {
        try await read { db in
            var open: [String: [RoundTask]] = [:]
            let rows = try db.rows(
                """
                SELECT draws.job AS job, draws.round AS round, draws.attempt AS attempt
                FROM draws JOIN jobs ON jobs.id = draws.job
                WHERE draws.closed IS NULL AND jobs.state IN ('queued', 'running', 'paused')
                """)
            for row in rows {
                open[row["job"], default: []].append(.init(.train, round: row["round"], attempt: row["attempt"]))
            }
            return open
        }
    }

    /// The draws of which nothing is open any more since a version was committed.
    func closedDraws(job: String, version: Int) async throws -> [RoundTask] {
        try await read { db in
            try db.rows("SELECT round, attempt FROM draws WHERE job = ? AND closed = ?", [job, version])
                .map { RoundTask(.train, round: $0["round"], attempt: $0["attempt"]) }
        }
    }

    /// Records that a client sent another update for a task after the one that counts.
    ///
    /// - Returns: whether it is the first one for that task: no more are recorded.
    func commitDuplicate(job: String, task: RoundTask, _ refusal: TaskRefusal, at time: Int64) async throws -> Bool {
        try await write { db in
            try db.run(
                """
                INSERT OR IGNORE INTO refusals (job, round, attempt, kind, client, code, reason, declined, at)
                VALUES (?, ?, ?, 'duplicate', ?, ?, ?, 0, ?)
                """,
                [job, task.round, task.attempt, refusal.client, refusal.code, refusal.reason, time])
            return db.changesCount > 0
        }
    }

    // MARK: Inside other transactions

    /// Moves the deadline of a draw's tasks; does nothing for a round's.
    static func moveDraw(job: String, _ task: RoundTask, deadline: Int64, in db: Database) throws {
        try db.run(
            "UPDATE draws SET deadline = ? WHERE job = ? AND round = ? AND attempt = ?",
            [deadline, job, task.round, task.attempt])
    }

    /// Notes with a refusal which version was open, and that an update of that task that waited counts no longer. Does
    /// nothing for a round's.
    static func noteRefusal(job: String, _ task: RoundTask, client: String, in db: Database) throws {
        let key: StatementArguments = [job, task.round, task.attempt]
        guard try db.row("SELECT 1 FROM draws WHERE job = ? AND round = ? AND attempt = ?", key) != nil else { return }
        try db.run(
            """
            UPDATE refusals SET version = (SELECT completed FROM jobs WHERE id = ?)
            WHERE job = ? AND round = ? AND attempt = ? AND kind = 'train' AND client = ? AND version IS NULL
            """,
            [job] + key + [client])
        try db.run(
            "UPDATE updates SET spooled = 0 WHERE job = ? AND round = ? AND attempt = ? AND client = ?",
            key + [client])
    }

    /// Files the updates of a version under it, before its row is completed.
    ///
    /// - Returns: the result with everything that was refused while the version was open.
    /// - Throws: ``CoordinatorError`` (`store`) when one of them is in an earlier version.
    static func fold(_ result: RoundResult, of job: JobRecord, in db: Database) throws -> RoundResult {
        var result = result
        for update in result.admitted {
            guard let round = update.startedFrom, let draw = update.draw else {
                throw CoordinatorError(.store, "version \(result.round): \(update.client)'s update has no draw")
            }
            // Without OR IGNORE: the key refuses an update that was applied before.
            try db.run(
                "INSERT INTO folds (job, round, attempt, client, version) VALUES (?, ?, ?, ?, ?)",
                [job.id, round, draw, update.client, result.round])
            guard !job.specification.keepUpdates else { continue }
            try db.run(
                "UPDATE updates SET spooled = 0 WHERE job = ? AND round = ? AND attempt = ? AND client = ?",
                [job.id, round, draw, update.client])
        }
        let refusals = try db.rows(
            """
            SELECT client, code, reason FROM refusals WHERE job = ? AND version = ? AND kind = 'train'
            ORDER BY at, round, attempt
            """,
            [job.id, result.round]
        ).map { TaskRefusal(client: $0["client"], code: $0["code"], reason: $0["reason"]) }
        // The order of the rows stays among those of one client.
        let byClient = Dictionary(grouping: refusals, by: \.client)
        result.refusals = Participants.sorted(byClient.keys).flatMap { byClient[$0] ?? [] }
        result.cohort = Participants.sorted(Set(byClient.keys).union(result.admitted.map(\.client)))
        // A version that is made of older clients' updates alone was never drawn for.
        try db.run(
            """
            INSERT INTO rounds (job, round, attempt, phase, cohort, started, deadline)
            VALUES (?, ?, ?, 'training', ?, ?, ?)
            ON CONFLICT (job, round, attempt) DO UPDATE SET cohort = excluded.cohort, started = excluded.started
            """,
            [
                job.id, result.round, result.attempt, try StoredJSON.text(result.cohort), result.startedAt,
                result.completedAt,
            ])
        try refreshDraws(of: job.id, version: result.round, in: db)
        return result
    }

    /// Notes of which draws nobody trains any more, and of which nothing is open.
    private static func refreshDraws(of job: String, version: Int, in db: Database) throws {
        for row in try db.rows("SELECT round, attempt, cohort FROM draws WHERE job = ? AND closed IS NULL", [job]) {
            let task = RoundTask(.train, round: row["round"], attempt: row["attempt"])
            let state = try DrawState(job: job, task, in: db)
            let cohort: [String] = try StoredJSON.value(row["cohort"])
            let trains = cohort.contains { state.isAsked($0) }
            let isOpen = cohort.contains { !state.refused.contains($0) && !state.folded.contains($0) }
            try db.run(
                "UPDATE draws SET trains = ?, closed = ? WHERE job = ? AND round = ? AND attempt = ?",
                [trains, isOpen ? nil : version, job, task.round, task.attempt])
        }
    }

    /// Ends all tasks of a job that is over: what waited is not folded any more, and old weights are let go.
    ///
    /// - Returns: the blobs that no row refers to any more; none in a job with rounds.
    static func closeDraws(of job: String, in db: Database) throws -> [String] {
        guard try db.row("SELECT 1 FROM draws WHERE job = ? LIMIT 1", [job]) != nil else { return [] }
        try db.run(
            """
            UPDATE updates SET spooled = 0 WHERE job = ? AND spooled = 1 AND NOT EXISTS (
                SELECT 1 FROM folds WHERE folds.job = updates.job AND folds.round = updates.round
                    AND folds.attempt = updates.attempt AND folds.client = updates.client)
            """,
            [job])
        try db.run(
            """
            UPDATE draws SET trains = 0, closed = (SELECT completed FROM jobs WHERE id = ?)
            WHERE job = ? AND closed IS NULL
            """,
            [job, job])
        return try dropOldWeights(job: job, in: db)
    }
}
