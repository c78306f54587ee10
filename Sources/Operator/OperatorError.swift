internal import Foundation

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

    /// A file or folder that cannot be written, with the reason in plain words: Foundation's errors are none.
    public init(writing path: String, _ error: any Error) {
        let underlying = ((error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error).map { $0 as NSError }
        let reason =
            underlying.flatMap { $0.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32($0.code))) : nil }
            ?? error.localizedDescription
        self.init(.file, "\(path): cannot be written: \(reason)")
    }

    /// The message.
    public var description: String { message }
}
