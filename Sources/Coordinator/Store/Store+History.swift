internal import Federation
internal import GRDB

extension Store {
    /// A spooled update that its row still refers to.
    public struct SpooledUpdate: Sendable, Hashable {
        /// The job.
        public var job: String
        /// The round.
        public var round: Int
        /// The attempt.
        public var attempt: Int
        /// The client.
        public var client: String
        /// Where it ends in the pack of its round; nil for a file of its own.
        public var packEnd: Int64? = nil
    }

    private static let history = """
        SELECT rounds.*, evaluations.metrics AS metrics, evaluations.totals AS evaluation_totals
        FROM rounds LEFT JOIN evaluations ON evaluations.job = rounds.job AND evaluations.round = rounds.round
        WHERE rounds.job = :job AND rounds.round >= :from AND rounds.round <= :to
          AND rounds.phase NOT IN ('own', 'shown')
          AND rounds.attempt = (SELECT max(attempt) FROM rounds AS other
                                WHERE other.job = rounds.job AND other.round = rounds.round)
        ORDER BY rounds.round
        """

    /// The rounds of a job with their newest attempts, `limit` at most.
    public func rounds(job: String, from first: Int = 0, limit: Int = 1000) async throws -> [RoundHistory] {
        let (last, overflow) = first.addingReportingOverflow(max(limit, 1) - 1)
        return try await read { db in
            try rounds(of: job, from: first, to: overflow ? Int.max : last, in: db)
        }
    }

    /// The given rounds of a job, those that exist.
    public func rounds(job: String, numbers: [Int]) async throws -> [RoundHistory] {
        try await read { db in
            try numbers.flatMap { number in try rounds(of: job, from: number, to: number, in: db) }
        }
    }

    func rounds(of job: String, from first: Int, to last: Int, in db: Database) throws -> [RoundHistory] {
        var rounds = try db.rows(Self.history, ["job": job, "from": first, "to": last]).map(RoundHistory.init)
        // Why an earlier attempt's sum was not used belongs to the round: who it was is left out since.
        let refused = try db.rows(
            """
            SELECT round, client, code, reason FROM refusals
            WHERE job = ? AND round >= ? AND round <= ? AND kind = 'train' AND code IN (?, ?) ORDER BY attempt, client
            """, [job, first, last, AdmissionRules.maskedNorm, AdmissionRules.maskedNormSuspect])
        for row in refused {
            let refusal = TaskRefusal(client: row["client"], code: row["code"], reason: row["reason"])
            guard let index = rounds.firstIndex(where: { $0.round == row["round"] }),
                !rounds[index].refusals.contains(refusal)
            else { continue }
            rounds[index].refusals.append(refusal)
        }
        return rounds
    }

    /// The newest evaluated round of a job.
    public func newestEvaluation(job: String) async throws -> (round: Int, metrics: [String: Double])? {
        try await read { db in
            try db.row(
                """
                SELECT round, metrics FROM evaluations WHERE job = ? AND is_open = 0 AND model IS NULL
                ORDER BY round DESC LIMIT 1
                """,
                [job]
            ).map { ($0["round"], try StoredJSON.value($0["metrics"])) }
        }
    }

    /// The blob that holds the weights after a round; -1 stands for the initial weights. Nil when they are not kept.
    public func checkpoint(job: String, round: Int) async throws -> String? {
        try await read { db in
            try db.row("SELECT digest FROM checkpoints WHERE job = ? AND round = ?", [job, round])?["digest"]
        }
    }

    /// The newest round whose weights are kept; -1 for the initial weights.
    public func newestCheckpoint(job: String) async throws -> (round: Int, digest: String)? {
        try await read { db in
            try db.row(
                """
                SELECT round, digest FROM checkpoints WHERE job = ?1 AND round < (SELECT completed FROM jobs WHERE id = ?1)
                ORDER BY round DESC LIMIT 1
                """,
                [job]
            ).map { ($0["round"], $0["digest"]) }
        }
    }

    /// The trainers of a round's admitted updates, by client.
    public func trainers(job: String, round: Int, attempt: Int) async throws -> [String: [String: String]] {
        try await read { db in
            var trainers: [String: [String: String]] = [:]
            let rows = try db.rows(
                "SELECT client, trainer FROM updates WHERE job = ? AND round = ? AND attempt = ?",
                [job, round, attempt])
            for row in rows { trainers[row["client"]] = try StoredJSON.value(row["trainer"]) }
            return trainers
        }
    }

    /// Whether a row refers to a blob. Blocks: for background threads.
    func refersToBlob(_ digest: String) throws -> Bool {
        try pool.read { db in try db.row("SELECT 1 FROM blobs WHERE digest = ?", [digest]) != nil }
    }

    /// Every blob that a row refers to.
    public func blobDigests() async throws -> Set<String> {
        try await read { db in Set(try String.fetchAll(db, sql: "SELECT digest FROM blobs")) }
    }

    /// Every update whose file must be in the spool.
    public func spooledUpdates() async throws -> Set<SpooledUpdate> {
        try await read { db in
            Set(
                try db.rows(
                    "SELECT job, round, attempt, client, pack_offset + bytes AS pack_end FROM updates WHERE spooled = 1"
                ).map {
                    SpooledUpdate(
                        job: $0["job"], round: $0["round"], attempt: $0["attempt"], client: $0["client"],
                        packEnd: $0["pack_end"])
                })
        }
    }

    /// Where the updates of a round's attempt begin in its pack, by client; those in files of their own are not named.
    func packOffsets(job: String, round: Int, attempt: Int) async throws -> [String: Int64] {
        try await read { db in
            var offsets: [String: Int64] = [:]
            let rows = try db.rows(
                """
                SELECT client, pack_offset FROM updates
                WHERE job = ? AND round = ? AND attempt = ? AND pack_offset IS NOT NULL
                """,
                [job, round, attempt])
            for row in rows { offsets[row["client"]] = row["pack_offset"] }
            return offsets
        }
    }

    /// The rounds that are open now, by job: only their parts are worth keeping in the spool.
    public func openRounds() async throws -> [String: (round: Int, attempt: Int)] {
        try await read { db in
            var open: [String: (Int, Int)] = [:]
            let rows = try db.rows(
                """
                SELECT rounds.job AS job, rounds.round AS round, rounds.attempt AS attempt
                FROM rounds JOIN jobs ON jobs.id = rounds.job
                WHERE rounds.phase IN ('training', 'own') AND jobs.state IN ('queued', 'running', 'paused')
                """)
            for row in rows { open[row["job"]] = (row["round"], row["attempt"]) }
            return open
        }
    }
}
