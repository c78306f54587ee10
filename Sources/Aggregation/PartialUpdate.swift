public import Weights

/// An update as a fold reads it, where clients do not send every tensor of the global weights.
///
/// It shows the tensors of the global weights; those that updates do not carry (kept ones, personal ones, the server's own)
/// are never read, because the fold takes them from the global weights.
public struct PartialUpdate: UpdateSource {
    /// The client.
    public let clientID: String
    /// How many examples the client trained on.
    public let examples: Int
    /// The mean loss that it reported, if any.
    public let loss: Double?
    /// All tensors of the global weights, in their update form.
    public let schema: WeightsSchema

    private let tensors: any TensorBlocks
    private let indices: [Int?]

    /// Shows an update as one of all tensors.
    ///
    /// - Parameters:
    ///   - tensors: what the client sent.
    ///   - expected: the schema that must have.
    ///   - schema: `updateSchema()` of the global weights.
    /// - Throws: ``AggregationError`` saying how the schema differs.
    public init(
        clientID: String, examples: Int, loss: Double? = nil, tensors: any TensorBlocks, expected: WeightsSchema,
        shownAs schema: WeightsSchema
    ) throws {
        self.clientID = clientID
        self.examples = examples
        self.loss = loss
        self.tensors = tensors
        self.schema = schema
        try SchemaCheck.require(tensors.schema, equals: expected)
        indices = schema.tensors.map { tensors.schema.index(of: $0.name) }
    }

    /// Reads bytes of one tensor.
    ///
    /// - Throws: ``AggregationError`` `missingTensor` for one that the client did not send.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard let own = indices[index] else {
            throw AggregationError(.missingTensor, "updates do not hold tensor '\(schema.tensors[index].name)'")
        }
        try tensors.readBlock(tensor: own, byteOffset: byteOffset, into: buffer)
    }

    /// Passes the word on.
    public func prefetch(tensor index: Int, byteOffset: Int, count: Int) {
        if let own = indices[index] { tensors.prefetch(tensor: own, byteOffset: byteOffset, count: count) }
    }
}
