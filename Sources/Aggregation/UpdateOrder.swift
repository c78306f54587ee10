import Weights

/// The updates of a round in their fixed order, checked.
struct UpdateOrder: Sendable {
    /// The updates, sorted by the UTF-8 bytes of the client ids.
    let updates: [any UpdateSource]
    /// The sum of their examples.
    let examples: Int
    /// For each update the position in its schema of each tensor of the global schema.
    let indices: [[Int]]

    /// Sorts and checks.
    ///
    /// - Throws: ``AggregationError``: `noUpdates`, `duplicateClient`, `invalidExamples`, or how a schema differs.
    init(_ unordered: [any UpdateSource], global: any TensorBlocks) throws {
        guard !unordered.isEmpty else { throw AggregationError(.noUpdates, "there are no updates to fold") }
        let updates = unordered.sorted { $0.clientID.utf8.lexicographicallyPrecedes($1.clientID.utf8) }
        for (previous, next) in zip(updates, updates.dropFirst())
        where previous.clientID.utf8.elementsEqual(next.clientID.utf8) {
            throw AggregationError(.duplicateClient, "there are two updates of client '\(next.clientID)'")
        }
        var examples = 0
        for update in updates {
            guard update.examples >= 1 else {
                throw AggregationError(
                    .invalidExamples,
                    "client '\(update.clientID)' has \(update.examples) examples, at least 1 is needed"
                )
            }
            let (sum, overflow) = examples.addingReportingOverflow(update.examples)
            // Up to 2^53 every count is exact in Float64.
            guard !overflow, sum <= 1 << 53 else {
                throw AggregationError(
                    .invalidExamples,
                    "the examples up to client '\(update.clientID)' exceed 2^53"
                )
            }
            examples = sum
        }
        self.updates = updates
        self.examples = examples
        indices = try updates.map { update in
            do {
                return try Self.indices(of: global, in: update)
            } catch let error as AggregationError {
                throw AggregationError(error.code, "the update of client '\(update.clientID)': \(error.message)")
            }
        }
    }

    /// Names and shapes must be equal; a float tensor may come in any float type.
    private static func indices(of global: any TensorBlocks, in update: any UpdateSource) throws -> [Int] {
        let schema = update.schema
        guard schema.tensors.count <= global.schema.tensors.count else {
            let unexpected = schema.tensors.first { global.schema[$0.name] == nil }
            throw AggregationError(.unexpectedTensor, "tensor '\(unexpected?.name ?? "")' is not expected")
        }
        return try global.schema.tensors.map { expected in
            guard let index = schema.index(of: expected.name) else {
                throw AggregationError(.missingTensor, "tensor '\(expected.name)' is missing")
            }
            let found = schema.tensors[index]
            guard found.shape == expected.shape else {
                throw AggregationError(
                    .shapeMismatch,
                    "tensor '\(expected.name)' has shape \(found.shape), expected \(expected.shape)"
                )
            }
            guard found.dtype == expected.dtype || (found.dtype.isFloat && expected.dtype.isFloat) else {
                throw AggregationError(
                    .dtypeMismatch,
                    "tensor '\(expected.name)' has dtype \(found.dtype.rawValue), expected \(expected.dtype.rawValue)"
                )
            }
            return index
        }
    }
}
