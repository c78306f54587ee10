internal import Federation
internal import GRDB
internal import Jobs
internal import Privacy

/// Charges are committed with cohorts, in the column `rounds.charge`: a round's cost is durable before its first task is
/// sent. What a failed attempt would have released was not released and does not count.
extension Store {
    /// What the completed rounds of a job released, and the clipping norm that the last of them found.
    static func spent(job: String, in db: Database) throws -> (ledger: PrivacyLedger, clipNorm: Double?) {
        var ledger = PrivacyLedger()
        var clipNorm: Double?
        let rows = try db.rows(
            """
            SELECT charge, next_clip_norm FROM rounds
            WHERE job = ? AND phase = 'completed' AND charge IS NOT NULL ORDER BY round
            """,
            [job])
        for row in rows {
            ledger.add(try StoredJSON.value(RoundCharge.self, row["charge"]).charge)
            clipNorm = row["next_clip_norm"] ?? clipNorm
        }
        return (ledger, clipNorm)
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
            ).map { try StoredJSON.value($0["charge"]) }
        }
    }
}

extension RoundHistory {
    /// The training figures of the round, with ε and the clipping norm of a job with privacy.
    func training(_ figures: [String: Double]) -> [String: Double] {
        guard let charge else { return figures }
        var figures = figures
        figures[PrivacyStatement.figure] = charge.epsilon
        figures[PrivacyStatement.clipFigure] = charge.clipNorm
        return figures
    }
}
