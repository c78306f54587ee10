internal import Federation
internal import GRDB
internal import Jobs

extension Store {
    /// What the committed rounds and draws of a job have shown of its clients, as the engine that ran them knew it; empty
    /// for jobs that draw without it.
    static func selectionHistory(_ job: JobRecord, in db: Database) throws -> SelectionHistory {
        var history = SelectionHistory()
        guard job.specification.usesHistory else { return history }
        // Of each client the newest row: SQLite takes the other columns from the row that has the maximum. A completed
        // attempt has the rows of admitted updates and no others.
        let rows = try db.rows(
            """
            SELECT updates.client AS client, max(updates.round) AS round, updates.statistics AS statistics,
                updates.committed AS committed, rounds.started AS started
            FROM updates JOIN rounds ON rounds.job = updates.job AND rounds.round = updates.round
                AND rounds.attempt = updates.attempt
            WHERE updates.job = ? AND rounds.phase = 'completed'
            GROUP BY updates.client
            """,
            [job.id])
        for row in rows {
            let (committed, started): (Int64, Int64) = (row["committed"], row["started"])
            history.entries[row["client"], default: .init()].take(
                try StoredJSON.value(row["statistics"]), round: row["round"], milliseconds: committed - started)
        }
        for row in try db.rows("SELECT client, draws FROM presence WHERE job = ?", [job.id]) {
            history.entries[row["client"], default: .init()].present = row["draws"]
        }
        return history
    }
}
