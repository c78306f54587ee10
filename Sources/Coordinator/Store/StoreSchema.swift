internal import GRDB

/// The tables, as steps that are only ever added to.
///
/// Times are milliseconds since 1970, digests 64 hexadecimal digits, lists and maps JSON text. A round's weights are
/// referred to by `checkpoints`; a blob that no checkpoint refers to has no row in `blobs` and no file.
enum StoreSchema {
    static var migrator: DatabaseMigrator {
        var migrator = DatabaseMigrator()
        migrator.registerMigration("1") { db in
            for statement in version1 { try db.execute(sql: statement) }
        }
        migrator.registerMigration("contributions") { db in
            try db.execute(sql: "ALTER TABLE rounds ADD COLUMN contributions TEXT NOT NULL DEFAULT '{}'")
        }
        migrator.registerMigration("privacy") { db in
            for statement in privacy { try db.execute(sql: statement) }
        }
        migrator.registerMigration("presence") { db in try db.execute(sql: presence) }
        migrator.registerMigration("asynchronous") { db in
            for statement in AsynchronousSchema.statements { try db.execute(sql: statement) }
        }
        // Where an update begins in the pack of its round; null for a file of its own.
        migrator.registerMigration("packs") { db in
            try db.execute(sql: "ALTER TABLE updates ADD COLUMN pack_offset INTEGER")
        }
        migrator.registerMigration("study") { db in
            for statement in study { try db.execute(sql: statement) }
        }
        return migrator
    }

    /// Models that are evaluated once the rounds are over have evaluations with rounds that do not exist: what they are, and
    /// why there is none. The sites' own models come as the updates of a round whose phase is `own`, then `shown`.
    private static let study = [
        "ALTER TABLE evaluations ADD COLUMN model TEXT",
        "ALTER TABLE evaluations ADD COLUMN failure TEXT",
    ]

    private static let privacy = [
        "ALTER TABLE rounds ADD COLUMN charge TEXT",
        "ALTER TABLE rounds ADD COLUMN next_clip_norm REAL",
    ]

    /// At how many committed draws of a job a client was ready, for jobs that draw by it.
    private static let presence = """
        CREATE TABLE presence (
            job TEXT NOT NULL REFERENCES jobs (id), client TEXT NOT NULL, draws INTEGER NOT NULL,
            PRIMARY KEY (job, client)
        ) WITHOUT ROWID
        """

    private static let version1 = [
        """
        CREATE TABLE jobs (
            sequence INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
            operator TEXT NOT NULL, token TEXT, specification TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL,
            submitted INTEGER NOT NULL, ended INTEGER, paused INTEGER, initial_digest TEXT NOT NULL,
            weights_digest TEXT NOT NULL, weights_bytes INTEGER NOT NULL, schema_digest TEXT NOT NULL,
            completed INTEGER NOT NULL DEFAULT 0, best_round INTEGER, best_value REAL, trainer TEXT NOT NULL,
            UNIQUE (operator, token)
        )
        """,
        "CREATE INDEX jobs_by_name ON jobs (name, sequence)",
        """
        CREATE TABLE rounds (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            phase TEXT NOT NULL, cohort TEXT NOT NULL, started INTEGER NOT NULL, deadline INTEGER NOT NULL,
            ended INTEGER, reason TEXT, admitted TEXT NOT NULL DEFAULT '[]', refusals TEXT NOT NULL DEFAULT '[]',
            totals TEXT, base_digest TEXT, weights_digest TEXT,
            PRIMARY KEY (job, round, attempt)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE updates (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            client TEXT NOT NULL, digest TEXT NOT NULL, bytes INTEGER NOT NULL, statistics TEXT NOT NULL,
            trainer TEXT NOT NULL, committed INTEGER NOT NULL, spooled INTEGER NOT NULL,
            PRIMARY KEY (job, round, attempt, client)
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE refusals (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            kind TEXT NOT NULL, client TEXT NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,
            declined INTEGER NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (job, round, attempt, kind, client)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX declined_by_job ON refusals (job, client) WHERE declined = 1",
        """
        CREATE TABLE evaluations (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            weights_digest TEXT NOT NULL, evaluators TEXT NOT NULL, deadline INTEGER NOT NULL,
            is_open INTEGER NOT NULL, reported TEXT NOT NULL DEFAULT '[]', refusals TEXT NOT NULL DEFAULT '[]',
            totals TEXT, metrics TEXT NOT NULL DEFAULT '{}',
            PRIMARY KEY (job, round)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX open_evaluations ON evaluations (job) WHERE is_open = 1",
        """
        CREATE TABLE reports (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            client TEXT NOT NULL, statistics TEXT NOT NULL, at INTEGER NOT NULL,
            PRIMARY KEY (job, round, attempt, client)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE blobs (digest TEXT PRIMARY KEY NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID",
        """
        CREATE TABLE checkpoints (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL,
            digest TEXT NOT NULL REFERENCES blobs (digest), permanent INTEGER NOT NULL,
            PRIMARY KEY (job, round)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX checkpoints_by_digest ON checkpoints (digest)",
        """
        CREATE TABLE clients (
            name TEXT PRIMARY KEY NOT NULL, software TEXT NOT NULL, datasets TEXT NOT NULL,
            certificate_ends INTEGER NOT NULL, last_seen INTEGER NOT NULL, connected INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
        """
        CREATE TABLE participants (
            job TEXT NOT NULL REFERENCES jobs (id), client TEXT NOT NULL, joined INTEGER NOT NULL,
            PRIMARY KEY (job, client)
        ) WITHOUT ROWID
        """,
        "CREATE TABLE revocations (identity TEXT PRIMARY KEY NOT NULL, entry TEXT NOT NULL) WITHOUT ROWID",
        "CREATE TABLE facts (name TEXT PRIMARY KEY NOT NULL, value INTEGER NOT NULL) WITHOUT ROWID",
    ]
}
