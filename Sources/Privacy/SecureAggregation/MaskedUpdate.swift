public import Weights

/// An update as words modulo 2³² with masks on them: all that a coordinator gets of a client.
///
/// The container has of every tensor a U8 tensor of its name with the shape [elements, 4], little-endian words; in NumPy
/// `words.view("<u4")[:, 0]`. Without the masks they would be a ``LatticeEncoding``; with them every word is as likely as
/// any other.
public enum MaskedUpdate {
    /// The words that are worked on at once: they stay in the cache while mask after mask comes over them.
    private static let chunk = 16 << 10

    /// The container's tensors.
    ///
    /// - Parameter update: the update's, all in F32.
    /// - Throws: ``PrivacyError`` `invalidParameter` for another element type; `WeightsError` when sizes overflow.
    public static func schema(of update: WeightsSchema) throws -> WeightsSchema {
        try WeightsSchema(
            update.tensors.map { spec in
                guard spec.dtype == .f32 else {
                    throw PrivacyError(
                        .invalidParameter,
                        "secure aggregation: tensor '\(spec.name)' is \(spec.dtype.rawValue), expected F32")
                }
                return try TensorSpec(name: spec.name, dtype: .u8, shape: [spec.elementCount, 4])
            })
    }

    /// Writes an update as words and masks them.
    ///
    /// - Parameters:
    ///   - masks: what ``SecureClient/masks(_:)`` gave.
    ///   - noise: clips, rounds and noises the update, in a job with distributed privacy: then it writes the words.
    /// - Returns: the words, and how many elements were limited.
    /// - Throws: what ``schema(of:)`` throws.
    public static func masked(
        _ update: Weights, as encoding: LatticeEncoding, with masks: [PairwiseMask], noise: DistributedNoise? = nil
    ) throws -> (words: Weights, saturated: Int) {
        let schema = try schema(of: update.schema)
        var saturated = 0
        let words = try Weights(schema: schema) { bytes in
            for (index, spec) in schema.tensors.enumerated() {
                let target = UnsafeMutableRawBufferPointer(rebasing: bytes[schema.byteRange(at: index)])
                    .bindMemory(to: UInt32.self)
                try update.withFloats(spec.name) { values in
                    for start in stride(from: 0, to: target.count, by: chunk) {
                        let end = min(start + chunk, target.count)
                        let part = UnsafeMutableBufferPointer(rebasing: target[start..<end])
                        let block = UnsafeBufferPointer(rebasing: values[start..<end])
                        saturated +=
                            noise?.encode(tensor: index, start: start, block, into: part)
                            ?? encoding.encode(block, into: part)
                        for mask in masks { mask.apply(tensor: index, start: start, to: part) }
                    }
                }
            }
        }
        return (words, saturated)
    }

    /// Adds words to sums modulo 2³².
    public static func add(_ words: UnsafeBufferPointer<UInt32>, to sums: UnsafeMutableBufferPointer<UInt32>) {
        precondition(words.count == sums.count, "as many words as sums are needed")
        for index in sums.indices { sums[index] &+= words[index] }
    }

    /// Takes masks off sums of words and reads the sums as means of so many updates, in Float64.
    ///
    /// - Parameters:
    ///   - masks: what ``SecureExchange/closeUnmasking()`` gave.
    ///   - start: the element of the tensor that the first sum is of.
    public static func means(
        of sums: UnsafeMutableBufferPointer<UInt32>, removing masks: [PairwiseMask], tensor: Int, start: Int,
        as encoding: LatticeEncoding, updates: Int, into values: UnsafeMutableBufferPointer<Double>
    ) {
        precondition(values.count == sums.count, "as many values as sums are needed")
        for mask in masks { mask.apply(tensor: tensor, start: start, to: sums) }
        let count = Double(updates)
        for index in values.indices { values[index] = encoding.decode(sums[index]) / count }
    }
}
