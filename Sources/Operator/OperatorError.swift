/// Why an operator's command failed.
public struct OperatorError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: String, Sendable {
        /// The coordinator cannot be reached or ended the connection.
        case unreachable
        /// The coordinator went away while a job was followed, and did not come back to stay: how the job ends is not known.
        case lost
        /// The coordinator refused the request.
        case refused
        /// What the coordinator sent is not what was asked for.
        case malformed
        /// A file is missing or cannot be read or written.
        case file
        /// An argument does not make sense.
        case usage
        /// The job ended without success.
        case jobFailed
    }

    /// The kind of failure.
    public var code: Code
    /// What went wrong, in a sentence.
    public var message: String

    /// Makes an error.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
