/// What is wrong with a privacy setting, a file of secrets or a budget.
public struct PrivacyError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kinds of errors.
    public enum Code: String, Sendable, Hashable {
        /// A number is outside what it may be.
        case invalidParameter
        /// No noise reaches the wanted epsilon.
        case unreachable
        /// The budget does not allow the next round.
        case budgetExhausted
        /// A participant of secure aggregation sent what the protocol does not allow, or too few take part.
        case protocolViolation
        /// The secret cannot be read or is none.
        case secret
    }

    /// What kind of error it is.
    public let code: Code
    /// What was found and what was expected.
    public let message: String

    /// An error with its message.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
