/// What is wrong with a message of a peer.
public struct WireError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable {
        /// A field is missing, out of range or contradicts another.
        case invalidMessage
        /// A field is longer or a list has more entries than the protocol allows.
        case tooLarge
        /// Both sides share no protocol version.
        case incompatibleVersion
        /// A stream broke the order that the protocol sets: a gap between chunks, a second header.
        case outOfOrder
    }

    /// The kind of failure.
    public var code: Code
    /// The field, what was found and what was expected.
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
