public import Weights

/// An encoded update shown as the update it stands for, so that a fold reads it like any other.
public struct DecodedTensors: TensorBlocks {
    /// The update's tensors.
    public let schema: WeightsSchema

    private let decoder: UpdateDecoder

    /// Shows an encoded update.
    ///
    /// - Parameters:
    ///   - tensors: what the client sent.
    ///   - encoded: the form that it must have.
    /// - Throws: ``AggregationError`` saying how the schema differs, `invalidEncoding` when places are wrong, `unreadable`.
    public init(_ tensors: any TensorBlocks, as encoded: EncodedSchema) throws {
        try SchemaCheck.require(tensors.schema, equals: encoded.encoded)
        schema = encoded.plain
        do {
            decoder = try UpdateDecoder(encoded) { tensor, byteOffset, buffer in
                try tensors.readBlock(tensor: tensor, byteOffset: byteOffset, into: buffer)
            }
        } catch let error as WeightsError where error.code == .invalidIndex {
            throw AggregationError(.invalidEncoding, error.message, cause: error)
        } catch {
            throw AggregationError(.unreadable, "the encoded update cannot be read", cause: error)
        }
    }

    /// Shows an update, encoded or not; a plain one is handed through.
    public static func showing(_ tensors: any TensorBlocks, as encoded: EncodedSchema) throws -> any TensorBlocks {
        encoded.isPlain ? tensors : try DecodedTensors(tensors, as: encoded)
    }

    /// Decodes bytes of one tensor.
    ///
    /// - Throws: `WeightsError` `outOfRange`; what reading throws.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try decoder.readBlock(tensor: index, byteOffset: byteOffset, into: buffer)
    }
}
