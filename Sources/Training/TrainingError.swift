/// Why a training task could not be done.
///
/// `code` is also the code of the trainer's answer `failed`.
public struct TrainingError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure.
    public enum Code: String, Sendable, CaseIterable {
        /// The job's `model` map names an unknown model or setting, or a value out of range.
        case model
        /// The job's `training`, `evaluation` or `corruption` map has an unknown setting or a value out of range.
        case config
        /// The site's data are missing, broken or do not fit the model.
        case data
        /// The given weights are missing, broken or do not fit the model.
        case weights
        /// The numbers grew without bound.
        case diverged
        /// A file could not be written.
        case output
        /// The daemon asked to give up.
        case cancelled
        /// A request that the contract does not allow.
        case message
        /// Memory ran out.
        case memory
        /// Anything else, for instance a refused tensor operation.
        case numerics
    }

    /// The kind of failure.
    public var code: Code
    /// What was found, what was expected, and where.
    public var message: String
    /// The error below this one, if there is one.
    public var cause: (any Error)?

    /// Makes an error.
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
