internal import Federation
internal import GRDB
internal import Jobs

/// What has become of the tasks of one draw of an asynchronous job.
struct DrawState {
    /// Committed updates by client, folded or not.
    private let updates: [String: UpdateBuffer.Update]
    /// Whose result was refused, whether or not it had come.
    let refused: Set<String>
    /// Whose update is in a version.
    let folded: Set<String>

    init(job: String, _ task: RoundTask, in db: Database) throws {
        let key: StatementArguments = [job, task.round, task.attempt]
        var updates: [String: UpdateBuffer.Update] = [:]
        let rows = try db.rows(
            "SELECT client, statistics, committed FROM updates WHERE job = ? AND round = ? AND attempt = ?", key)
        for row in rows {
            updates[row["client"]] = UpdateBuffer.Update(
                task: task, statistics: try StoredJSON.value(row["statistics"]), arrivedAt: row["committed"])
        }
        self.updates = updates
        refused = Set(
            try db.rows(
                "SELECT client FROM refusals WHERE job = ? AND round = ? AND attempt = ? AND kind = 'train'", key
            ).map { $0["client"] as String })
        folded = Set(
            try db.rows("SELECT client FROM folds WHERE job = ? AND round = ? AND attempt = ?", key)
                .map { $0["client"] as String })
    }

    /// Whether a client still owes an answer.
    func isAsked(_ client: String) -> Bool { updates[client] == nil && !refused.contains(client) }

    /// The update of a client that waits to be folded.
    func waiting(_ client: String) -> UpdateBuffer.Update? {
        refused.contains(client) || folded.contains(client) ? nil : updates[client]
    }
}
