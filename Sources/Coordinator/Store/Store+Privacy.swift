internal import Federation
internal import GRDB
internal import Jobs
internal import Privacy

/// Charges are committed with cohorts, in the column `rounds.charge`: a round's cost is durable before its first task is
/// sent. What a failed attempt would have released was not released and does not count, but for local privacy.
extension Store {
    /// What the completed rounds of a job released (and its failed attempts, where they do), and the clipping norm that the
    /// last of them found.
    static func spent(_ job: JobRecord, in db: Database) throws -> SpentPrivacy {
        let settings = try PrivacySettings.reading(job.specification.privacy)
        let last = settings.map(RoundPrivacy.chargesFailures) == true ? "failed" : "completed"
        var spent = SpentPrivacy()
        let rows = try db.rows(
            """
            SELECT charge, next_clip_norm FROM rounds
            WHERE job = ? AND phase IN ('completed', ?) AND charge IS NOT NULL ORDER BY round, attempt
            """,
            [job.id, last])
        for row in rows {
            let charge = try StoredJSON.value(RoundCharge.self, row["charge"])
            spent.add(charge.charge, records: charge.records)
            spent.clipNorm = (row["next_clip_norm"] as Double?) ?? spent.clipNorm
        }
        return spent
    }

    /// What the newest completed round of a job cost; nil without privacy.
    func newestCharge(job: String) async throws -> RoundCharge? {
        try await read { db in
            try db.row(
                """
                SELECT charge FROM rounds WHERE job = ? AND phase = 'completed' AND charge IS NOT NULL
                ORDER BY round DESC LIMIT 1
                """,
                [job]
            ).map { try StoredJSON.value(RoundCharge.self, $0["charge"]) }
        }
    }
}

extension RoundHistory {
    /// The training figures of the round, with ε and the clipping norm of a job with privacy, and how old the updates of an
    /// asynchronous one were.
    func training(_ figures: [String: Double]) -> [String: Double] {
        var figures = figures.merging(stalenessFigures) { first, _ in first }
        guard let charge else { return figures }
        figures[PrivacyStatement.figure] = charge.epsilon
        figures[PrivacyStatement.clipFigure] = charge.clipNorm
        return figures
    }
}
