/// What can go wrong with certificates, keys, provisioning and the audit log.
public struct IdentityError: Error, Sendable, CustomStringConvertible {
    /// The kind of problem; messages may change, codes do not.
    public enum Code: String, Sendable, Hashable {
        /// A name, number or host that is outside what is allowed.
        case invalidArgument
        /// A file that should be there is not.
        case missingFile
        /// A file that cannot be read as what it should be.
        case unreadable
        /// Two files that should belong together do not.
        case mismatch
        /// A participant that nobody knows.
        case unknownName
        /// The audit log was changed or damaged.
        case brokenLog
        /// The file system refused.
        case storage
    }

    /// The kind of problem.
    public var code: Code
    /// What was found where, and what was expected.
    public var message: String
    /// The error underneath, if there is one.
    public var cause: (any Error)?

    /// An error with a message that names the file or field.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, and the cause when there is one.
    public var description: String {
        cause.map { "\(message) (\($0))" } ?? message
    }
}
