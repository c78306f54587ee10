public import Weights

/// Why an update is not admitted or a round cannot be folded.
public struct AggregationError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Those up to `incomplete` are reasons to refuse one update.
    public enum Code: String, Sendable, CaseIterable {
        /// The bytes are not a safetensors file; the cause says which rule is broken.
        case invalidHeader
        /// A tensor is missing.
        case missingTensor
        /// A tensor that the job does not have.
        case unexpectedTensor
        /// A tensor of another shape.
        case shapeMismatch
        /// A tensor of another element type.
        case dtypeMismatch
        /// NaN or infinity.
        case notFinite
        /// A boolean other than 0 and 1.
        case invalidBoolean
        /// An encoded update with a scale that is negative, not finite or too large, an integer that no encoder
        /// writes, or places that are not ascending or not within their tensor.
        case invalidEncoding
        /// More bytes than the tensors have.
        case tooLong
        /// Fewer bytes than the tensors have.
        case incomplete

        /// There is nothing to fold.
        case noUpdates
        /// Fewer updates than the rule needs.
        case tooFewUpdates
        /// The update that the rule trusts is not among those of the round.
        case missingReference
        /// Two updates of one client.
        case duplicateClient
        /// A number of examples below 1, or a sum beyond 2⁵³.
        case invalidExamples
        /// A rule names no tensor, or asks for the mean of integers.
        case invalidRule
        /// The update could not be read back; the cause says why.
        case unreadable
    }

    /// The kind of failure.
    public var code: Code
    /// Which client and tensor, what was found and what was expected.
    public var message: String
    /// The error behind it, where there is one.
    public var cause: (any Error)?

    /// An error with its parts.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message, the code and the cause.
    public var description: String {
        cause.map { "\(message) [\(code.rawValue)]: \($0)" } ?? "\(message) [\(code.rawValue)]"
    }
}

/// The check of an update's schema against the job's, the same for every way an update comes in.
public enum SchemaCheck {
    /// Throws unless the two schemas are equal.
    ///
    /// - Throws: ``AggregationError``: `missingTensor`, `unexpectedTensor`, `shapeMismatch` or `dtypeMismatch` by the
    ///   first difference in the order of names; the message lists up to five.
    public static func require(_ found: WeightsSchema, equals expected: WeightsSchema) throws {
        if found == expected { return }
        let differences = found.differences(from: expected)
        guard let first = differences.first else { return }
        let code: AggregationError.Code =
            switch first.kind {
            case .missing: .missingTensor
            case .unexpected: .unexpectedTensor
            case .shape: .shapeMismatch
            case .dtype: .dtypeMismatch
            }
        let sentences = differences.prefix(5).map(\.description).joined(separator: "; ")
        let more = differences.count > 5 ? "; and \(differences.count - 5) more" : ""
        throw AggregationError(code, sentences + more)
    }
}
