public import Jobs
public import WireMessages

/// What an upload holds: a checked `UpdateHeader`.
public struct UpdateDescription: Sendable, Hashable {
    /// The slot under which it comes.
    public var grant: UInt64
    /// The training task that it answers.
    public var identity: TaskIdentity
    /// SHA-256 of the whole update file.
    public var digest: String
    /// The size of the whole update file.
    public var totalBytes: Int64
    /// Where this upload starts.
    public var offset: Int64
    /// The weights that the update was trained from.
    public var weightsDigest: String
    /// Examples and training statistics, not yet validated against the job.
    public var statistics: TaskStatistics
    /// The trainer and its libraries.
    public var trainer: [String: String]

    /// Creates a description.
    public init(
        grant: UInt64, identity: TaskIdentity, digest: String, totalBytes: Int64, offset: Int64, weightsDigest: String,
        statistics: TaskStatistics, trainer: [String: String]
    ) {
        self.grant = grant
        self.identity = identity
        self.digest = digest
        self.totalBytes = totalBytes
        self.offset = offset
        self.weightsDigest = weightsDigest
        self.statistics = statistics
        self.trainer = trainer
    }

    /// Reads a peer's header.
    ///
    /// - Throws: ``WireError`` when the task is not one of training, a digest is not one, the offset is past the end,
    ///   or a map is too large.
    public init(_ message: Tributary_V1_UpdateHeader) throws {
        let identity = try TaskIdentity(message.identity)
        guard identity.kind == .train else {
            throw WireError(.invalidMessage, "update.identity: found an evaluation, expected a training task")
        }
        let totalBytes = Int64(try FieldCheck.count(message.totalBytes, "update.total_bytes"))
        let offset = Int64(try FieldCheck.count(message.offset, "update.offset"))
        guard offset <= totalBytes else {
            throw WireError(.invalidMessage, "update.offset: found \(offset), expected at most \(totalBytes)")
        }
        self.init(
            grant: message.grant,
            identity: identity,
            digest: try FieldCheck.digest(message.digest, "update.digest"),
            totalBytes: totalBytes,
            offset: offset,
            weightsDigest: try FieldCheck.digest(message.weightsDigest, "update.weights_digest"),
            statistics: try TaskStatistics(message.statistics),
            trainer: try Self.trainer(message.trainer)
        )
    }

    /// The description as a message.
    public var message: Tributary_V1_UpdateHeader {
        var message = Tributary_V1_UpdateHeader()
        message.grant = grant
        message.identity = identity.message
        message.digest = digest
        message.totalBytes = UInt64(clamping: totalBytes)
        message.offset = UInt64(clamping: offset)
        message.weightsDigest = weightsDigest
        message.statistics = statistics.message
        message.trainer = trainer
        return message
    }

    /// A trainer's description: names and texts within the limits.
    ///
    /// - Throws: ``WireError`` when there are too many entries or a key is not a name.
    public static func trainer(_ map: [String: String]) throws -> [String: String] {
        try FieldCheck.entries(map.count, "trainer", atMost: WireLimits.figures)
        var result: [String: String] = [:]
        for (key, value) in map {
            result[try FieldCheck.name(key, "trainer")] = FieldCheck.text(value)
        }
        return result
    }
}
