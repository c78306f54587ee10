/// What is wrong with a configuration file, an environment variable or an override.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// The file cannot be read.
        case unreadable
        /// The file is over the size limit.
        case tooLarge
        /// The text is not YAML, or uses a part of YAML that is refused here (anchors, tags, several documents).
        case syntax
        /// A key that means nothing here.
        case unknownKey
        /// A key that must be there is not.
        case missingKey
        /// A value of another kind than expected.
        case wrongType
        /// A value of the right kind that is not allowed.
        case invalidValue
    }

    /// The kind of failure.
    public var code: Code
    /// Where (`file:line:column`, the environment variable or the override), what was found, what was expected.
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
