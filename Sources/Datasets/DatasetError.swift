/// What went wrong while reading, making or writing a data set.
///
/// The message names the file and the line or byte offset where that is known, what was found and what was expected,
/// so that it can be shown to a data owner as it is.
public struct DatasetError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for callers that react differently to each.
    public enum Code: String, Sendable, CaseIterable {
        /// A file or folder that is needed does not exist.
        case missing
        /// A file exists and cannot be read or written.
        case inputOutput
        /// A file's content breaks its format.
        case malformed
        /// Parts that belong together disagree (counts, shapes, names).
        case mismatch
        /// Something is larger than the limit that applies to it.
        case tooLarge
        /// A value passed by the caller is out of range or unknown.
        case invalidArgument
        /// The output is already there and would be overwritten.
        case exists
    }

    /// The kind of failure.
    public var code: Code
    /// One sentence for people: where, what was found, what was expected.
    public var message: String
    /// The error underneath, if another layer reported one.
    public var cause: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, followed by the cause.
    public var description: String {
        guard let cause else { return message }
        return "\(message) (\(cause))"
    }
}
