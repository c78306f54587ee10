/// What is wrong with a job, a statistic or a trainer's message.
public struct JobsError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The job specification does not hold together.
        case invalidSpecification
        /// Statistics of a task are impossible or over a limit.
        case invalidStatistics
        /// A line between daemon and trainer is too long, not JSON, or not of the contract.
        case invalidMessage
        /// A model card or another document could not be read or written.
        case invalidDocument
    }

    /// The kind of failure.
    public var code: Code
    /// What was found, what was expected, and where.
    public var message: String
    /// The error below this one, if there is one.
    public var cause: (any Error)?

    /// Creates an error.
    public init(code: Code, message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, followed by its cause.
    public var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
