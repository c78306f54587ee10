/// What a simulation cannot do, and why.
public struct SimulationError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable, Hashable {
        /// The data or their partition do not hold together.
        case data
        /// The job cannot be simulated as it is.
        case job
        /// The checkpoint belongs to another job or is damaged.
        case checkpoint
        /// The job failed.
        case failed
    }

    /// The kind of failure.
    public var code: Code
    /// What was found and what was expected.
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
    public var description: String { cause.map { "\(message) (\($0))" } ?? message }
}
