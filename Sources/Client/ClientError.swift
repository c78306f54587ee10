/// What went wrong in the client daemon, with the file, field or peer it concerns.
public struct ClientError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. The raw value is the stable word that the coordinator sees in a failed task.
    public enum Code: String, Sendable, CaseIterable {
        /// The configuration does not hold together.
        case configuration
        /// The site's data cannot be offered.
        case site
        /// The trainer could not be started, broke the contract, failed or ended.
        case trainer
        /// The trainer used more memory than the site allows.
        case memory
        /// The trainer showed no sign of life for longer than the site allows.
        case stalled
        /// The task was given up on request.
        case cancelled
        /// The trainer's update is not what the job's schema asks for, or not finite.
        case update
        /// The trainer's statistics are impossible.
        case statistics
        /// A transfer failed for good: the bytes are not those that were announced.
        case transfer
        /// The task cannot be understood.
        case task
        /// The disk is full or a file could not be written.
        case disk
        /// The session with the coordinator failed.
        case session
        /// The exchange of secure aggregation gave no masks.
        case secureAggregation = "secure-aggregation"
    }

    /// The kind of failure.
    public var code: Code
    /// What was found, what was expected, and where.
    public var message: String
    /// The error below this one, if there is one.
    public var cause: (any Error)?

    /// Creates an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, followed by its cause.
    public var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
