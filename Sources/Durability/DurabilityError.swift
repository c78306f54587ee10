#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What went wrong with a file, with the path and the operating system's reason.
public struct DurabilityError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, for decisions; the message is for people.
    public enum Code: String, Sendable, CaseIterable {
        /// No file or folder of that name.
        case notFound
        /// A file of that name exists and a new one was asked for.
        case alreadyExists
        /// The permissions do not allow it.
        case permissionDenied
        /// The disk or the quota is full.
        case noSpace
        /// The file ended before the bytes asked for.
        case endOfFile
        /// The handle is closed, or it was open when a simulated machine crashed.
        case closed
        /// Another process holds the lock.
        case locked
        /// The value of TRIBUTARY_CRASH_POINT or another argument makes no sense.
        case invalidArgument
        /// The simulated machine is switched off (test file systems only).
        case crashed
        /// Any other input or output error.
        case inputOutput
    }

    /// The kind of failure.
    public var code: Code
    /// What was tried, on which path, and why it failed.
    public var message: String
    /// The `errno` behind it, where there is one.
    public var systemError: CInt?
    /// The error behind it, where there is one.
    public var cause: (any Error)?

    /// An error with its parts.
    public init(_ code: Code, _ message: String, systemError: CInt? = nil, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.systemError = systemError
        self.cause = cause
    }

    /// The error for the current value of `errno`.
    static func system(_ operation: String, _ path: String, number: CInt) -> DurabilityError {
        let code: Code =
            switch number {
            case ENOENT: .notFound
            case EEXIST, ENOTEMPTY: .alreadyExists
            case EACCES, EPERM, EROFS: .permissionDenied
            case ENOSPC, EDQUOT, EFBIG: .noSpace
            case EBADF: .closed
            default: .inputOutput
            }
        return DurabilityError(
            code,
            "cannot \(operation) \(path): \(String(cString: strerror(number)))",
            systemError: number
        )
    }

    /// The code and the message.
    public var description: String {
        cause.map { "\(message) [\(code.rawValue)]: \($0)" } ?? "\(message) [\(code.rawValue)]"
    }
}
