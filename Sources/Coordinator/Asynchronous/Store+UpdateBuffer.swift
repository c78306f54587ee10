internal import Federation
internal import GRDB
internal import Jobs

/// What asynchronous jobs read back.
extension Store {
    /// The tasks and updates of an asynchronous job as its engine knew them; nil for a job with rounds.
    static func buffer(_ job: JobRecord, in db: Database) throws -> UpdateBuffer? {
        guard job.specification.asynchronous != nil else { return nil }
        var buffer = UpdateBuffer()
        let open = try db.rows(
            "SELECT * FROM draws WHERE job = ? AND closed IS NULL ORDER BY round, attempt", [job.id])
        for row in open {
            let task = RoundTask(.train, round: row["round"], attempt: row["attempt"])
            let state = try DrawState(job: job.id, task, in: db)
            let cohort: [String] = try StoredJSON.value(row["cohort"])
            for client in cohort {
                if state.isAsked(client) {
                    buffer.asked[client] = UpdateBuffer.Asked(
                        client: client, round: task.round, attempt: task.attempt,
                        weightsDigest: row["weights_digest"], startedAt: row["started"], deadline: row["deadline"])
                } else if let update = state.waiting(client) {
                    buffer.updates[client] = update
                }
            }
        }
        let refusals = try db.rows(
            """
            SELECT round, attempt, client, code, reason FROM refusals
            WHERE job = ? AND version = ? AND kind = 'train' ORDER BY at, round, attempt
            """,
            [job.id, job.completedRounds])
        for row in refusals {
            let refusal = TaskRefusal(client: row["client"], code: row["code"], reason: row["reason"])
            if refusal.countsAsFailure { buffer.failures += 1 }
            // Who was asked again since then is not one that gave none.
            guard buffer.asked[refusal.client] == nil, buffer.updates[refusal.client] == nil else { continue }
            buffer.refused[refusal.client] = UpdateBuffer.Refused(
                task: RoundTask(.train, round: row["round"], attempt: row["attempt"]), refusal: refusal)
        }
        let drawn = try db.row(
            "SELECT max(attempt) + 1 AS draws, min(started) AS started FROM draws WHERE job = ? AND round = ?",
            [job.id, job.completedRounds])
        buffer.draws = drawn?["draws"] ?? 0
        let before = try db.row(
            "SELECT ended FROM rounds WHERE job = ? AND round = ? AND attempt = 0", [job.id, job.completedRounds - 1])
        buffer.startedAt = before?["ended"] ?? drawn?["started"]
        return buffer
    }

    /// The updates that versions up to one hold, by version, for a model card; empty for a job with rounds.
    static func folded(of job: String, through last: Int, in db: Database) throws -> [Int: [ModelCard.Update]] {
        var updates: [Int: [ModelCard.Update]] = [:]
        let rows = try db.rows(
            """
            SELECT folds.version AS version, updates.client AS client, updates.digest AS digest,
                updates.bytes AS bytes, updates.statistics AS statistics, updates.trainer AS trainer
            FROM folds JOIN updates ON updates.job = folds.job AND updates.round = folds.round
                AND updates.attempt = folds.attempt AND updates.client = folds.client
            WHERE folds.job = ? AND folds.version <= ?
            """,
            [job, last])
        for row in rows {
            let statistics: TaskStatistics = try StoredJSON.value(row["statistics"])
            updates[row["version"], default: []].append(
                ModelCard.Update(
                    client: row["client"], examples: statistics.knownExamples, digest: row["digest"],
                    bytes: row["bytes"],
                    trainer: try StoredJSON.value(row["trainer"])))
        }
        return updates
    }
}

extension RoundHistory {
    /// How old the updates of an asynchronous job's version were, in versions: the mean and the most. Empty for a round.
    var stalenessFigures: [String: Double] {
        let ages = contributions.values.compactMap(\.staleness)
        guard let most = ages.max() else { return [:] }
        return ["staleness": Double(ages.reduce(0, +)) / Double(ages.count), "maximumStaleness": Double(most)]
    }
}
