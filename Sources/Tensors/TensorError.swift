internal import CTorch

/// Why a tensor operation could not be done.
///
/// Operations throw instead of trapping because shapes come from configurations and data files, which are input.
public struct TensorError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: Sendable, Hashable {
        /// LibTorch refused the operation: shapes, element types or indices that do not fit.
        case refused
        /// A value given to this module is out of its range.
        case invalidArgument
        /// A named tensor is missing, unknown, or differs in shape or element type from what a model needs.
        case mismatch
        /// LibTorch had no memory left.
        case outOfMemory
    }

    /// The kind of failure.
    public var code: Code
    /// What was asked, what was found and what was expected.
    public var message: String
    /// The error underneath, if another module reported one.
    public var cause: (any Error)?

    /// Makes an error.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, followed by its cause.
    public var description: String {
        cause.map { "\(message): \($0)" } ?? message
    }
}

/// Where the C functions put their message.
typealias NativeMessage = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>

/// Runs one C function that reports failure as false.
func checkNative(_ operation: StaticString, _ body: (NativeMessage) -> Bool) throws(TensorError) {
    var message: UnsafeMutablePointer<CChar>?
    guard !body(&message) else { return }
    defer { ct_free_string(message) }
    guard let message else {
        throw TensorError(.outOfMemory, "\(operation): out of memory")
    }
    // LibTorch's messages are one sentence; lines after the first tell about its own sources.
    let text = String(cString: message)
    let line = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? text
    throw TensorError(line == "out of memory" ? .outOfMemory : .refused, "\(operation): \(line)")
}
