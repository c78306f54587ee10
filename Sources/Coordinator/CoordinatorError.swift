/// What the coordinator cannot do, and why.
public struct CoordinatorError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure; messages may change, codes do not.
    public enum Code: String, Sendable, Hashable {
        /// The configuration does not hold together.
        case invalidConfiguration
        /// What a peer sent is not what the protocol asks for.
        case invalidRequest
        /// There is no such job, round, client or blob.
        case notFound
        /// The request does not fit what is there: a token used for another job, a job that is over.
        case conflict
        /// The slot for a transfer is missing, lapsed, used up or another's.
        case noGrant
        /// A peer stopped moving bytes.
        case stalled
        /// The disk is full, or fuller than `minimumFreeDisk` allows.
        case noSpace
        /// A limit of the coordinator is reached.
        case limit
        /// The participant is revoked.
        case revoked
        /// The coordinator shuts down or the session was replaced; try again later.
        case unavailable
        /// Bytes that were stored are not what their digest says.
        case corrupt
        /// The store failed; what it holds is unchanged.
        case store
    }

    /// The kind of failure.
    public var code: Code
    /// What was found where, and what was expected.
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
