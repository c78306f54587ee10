public import Federation
internal import GRDB
public import Jobs

/// An update that was committed.
public struct UpdateRecord: Sendable, Hashable {
    /// SHA-256 of the update file.
    public var digest: String
    /// Its size.
    public var bytes: Int64
    /// What the client counted while training.
    public var statistics: TaskStatistics
    /// The trainer and its libraries.
    public var trainer: [String: String]
    /// Where it begins in the pack of its round; nil for a file of its own.
    public var packOffset: Int64?

    /// Creates a record.
    public init(
        digest: String, bytes: Int64, statistics: TaskStatistics, trainer: [String: String], packOffset: Int64? = nil
    ) {
        self.packOffset = packOffset
        self.digest = digest
        self.bytes = bytes
        self.statistics = statistics
        self.trainer = trainer
    }
}

extension Store {
    /// Makes an admitted update durable: its file is in the spool under its final name.
    public func commitUpdate(
        job: String, task: RoundTask, client: String, _ update: UpdateRecord, at time: Int64
    ) async throws {
        try await write { db in
            try Self.insert(update, job: job, task: task, client: client, at: time, in: db)
        }
    }

    static func insert(
        _ update: UpdateRecord, job: String, task: RoundTask, client: String, at time: Int64, in db: Database
    ) throws {
        try db.run(
            """
            INSERT INTO updates
                (job, round, attempt, client, digest, bytes, statistics, trainer, committed, pack_offset, spooled)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
            """,
            [
                job, task.round, task.attempt, client, update.digest, update.bytes,
                try StoredJSON.text(update.statistics), try StoredJSON.text(update.trainer), time, update.packOffset,
            ])
    }

    /// The update that a client committed for a round and attempt.
    public func update(job: String, task: RoundTask, client: String) async throws -> UpdateRecord? {
        try await read { db in
            try db.row(
                """
                SELECT digest, bytes, statistics, trainer, pack_offset FROM updates
                WHERE job = ? AND round = ? AND attempt = ? AND client = ?
                """,
                [job, task.round, task.attempt, client]
            ).map { row in
                UpdateRecord(
                    digest: row["digest"], bytes: row["bytes"],
                    statistics: try StoredJSON.value(row["statistics"]), trainer: try StoredJSON.value(row["trainer"]),
                    packOffset: row["pack_offset"])
            }
        }
    }

    /// Makes it durable that a client gives no result for a task. The first reason stays.
    public func commitRefusal(
        job: String, task: RoundTask, _ refusal: TaskRefusal, isDeclined: Bool, at time: Int64
    ) async throws {
        try await write { db in
            try db.run(
                """
                INSERT OR IGNORE INTO refusals (job, round, attempt, kind, client, code, reason, declined, at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    job, task.round, task.attempt, task.kind.rawValue, refusal.client, refusal.code, refusal.reason,
                    isDeclined, time,
                ])
            if task.kind == .train { try Self.noteRefusal(job: job, task, client: refusal.client, in: db) }
        }
    }

    /// The committed reason why a client gave no result for a task.
    public func refusal(job: String, task: RoundTask, client: String) async throws -> TaskRefusal? {
        try await read { db in
            try db.row(
                """
                SELECT client, code, reason FROM refusals
                WHERE job = ? AND round = ? AND attempt = ? AND kind = ? AND client = ?
                """,
                [job, task.round, task.attempt, task.kind.rawValue, client]
            ).map { TaskRefusal(client: $0["client"], code: $0["code"], reason: $0["reason"]) }
        }
    }

    /// Makes an evaluation report durable. The first report stays.
    public func commitReport(
        job: String, task: RoundTask, client: String, _ statistics: TaskStatistics, at time: Int64
    ) async throws {
        try await write { db in
            try Self.insert(statistics, job: job, task: task, client: client, at: time, in: db)
        }
    }

    static func insert(
        _ statistics: TaskStatistics, job: String, task: RoundTask, client: String, at time: Int64, in db: Database
    ) throws {
        try db.run(
            """
            INSERT OR IGNORE INTO reports (job, round, attempt, client, statistics, at) VALUES (?, ?, ?, ?, ?, ?)
            """,
            [job, task.round, task.attempt, client, try StoredJSON.text(statistics), time])
    }

    /// Whether a client's report for an evaluation is there.
    public func hasReport(job: String, task: RoundTask, client: String) async throws -> Bool {
        try await read { db in
            try db.row(
                "SELECT 1 FROM reports WHERE job = ? AND round = ? AND attempt = ? AND client = ?",
                [job, task.round, task.attempt, client]
            ) != nil
        }
    }
}
