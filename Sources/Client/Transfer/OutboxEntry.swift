public import Jobs
public import Wire

/// A finished task whose result the coordinator has not acknowledged yet.
public struct OutboxEntry: Sendable, Hashable, Codable {
    /// An update file.
    public struct Update: Sendable, Hashable, Codable {
        /// SHA-256 of the file.
        public var digest: String
        /// Its size.
        public var bytes: Int64

        /// Describes a file.
        public init(digest: String, bytes: Int64) {
            self.digest = digest
            self.bytes = bytes
        }
    }

    /// The task.
    public var identity: TaskIdentity
    /// The weights that it started from.
    public var weightsDigest: String
    /// What was counted.
    public var statistics: TaskStatistics
    /// The trainer and its libraries.
    public var trainer: [String: String]
    /// The update file of a training task; nil for an evaluation.
    public var update: Update?
    /// Whether the update file is under the masks of secure aggregation; nil in entries from before that was noted.
    public var isMasked: Bool?
    /// The place in the line; set by the outbox.
    public var sequence: Int

    /// Creates an entry.
    public init(
        identity: TaskIdentity, weightsDigest: String, statistics: TaskStatistics, trainer: [String: String] = [:],
        update: Update?, isMasked: Bool = false
    ) {
        self.identity = identity
        self.weightsDigest = weightsDigest
        self.statistics = statistics
        self.trainer = trainer
        self.update = update
        self.isMasked = isMasked
        sequence = 0
    }
}
