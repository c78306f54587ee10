/// The tables of asynchronous jobs, whose tasks of several versions are open at once.
///
/// A task is named by the version of the weights that it starts from (`round`) and the draw of that version which chose its
/// client (`attempt`); the rows of `updates` and `refusals` are filed under these. In `rounds` an asynchronous job has one row
/// a version, with the attempt 0.
///
/// - `draws`: who was asked. `trains` is 1 while a client may have a task of it in its hands: then the weights of its version
///   stay. `closed` is the version with which the last of its updates was folded or refused.
/// - `folds`: the version that each update went into. Its key is what keeps an update from being applied twice.
/// - `refusals.version`: the version that was open when a result was refused.
enum AsynchronousSchema {
    static let statements = [
        """
        CREATE TABLE draws (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            cohort TEXT NOT NULL, weights_digest TEXT NOT NULL, started INTEGER NOT NULL, deadline INTEGER NOT NULL,
            trains INTEGER NOT NULL, closed INTEGER,
            PRIMARY KEY (job, round, attempt)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX open_draws ON draws (job) WHERE closed IS NULL",
        "CREATE INDEX closed_draws ON draws (job, closed)",
        """
        CREATE TABLE folds (
            job TEXT NOT NULL REFERENCES jobs (id), round INTEGER NOT NULL, attempt INTEGER NOT NULL,
            client TEXT NOT NULL, version INTEGER NOT NULL,
            PRIMARY KEY (job, round, attempt, client)
        ) WITHOUT ROWID
        """,
        "CREATE INDEX folds_by_version ON folds (job, version)",
        "ALTER TABLE refusals ADD COLUMN version INTEGER",
    ]
}
