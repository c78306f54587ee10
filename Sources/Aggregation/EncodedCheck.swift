import Weights

/// The checks of an encoded update's own tensors while they stream in, in canonical order: scales and values come before
/// integers and places.
///
/// The scales of blocks are held for the norm, one number for each block.
struct EncodedCheck: Sendable {
    private let schema: EncodedSchema
    /// By tensor of the update.
    private var scales: [Int: [Float]] = [:]
    /// The last place of the sparse tensor that streams in.
    private var place = -1

    init(_ schema: EncodedSchema) { self.schema = schema }

    /// Checks elements of one tensor of the file.
    ///
    /// - Parameters:
    ///   - elements: whole elements, aligned; those before were handed over before.
    ///   - position: the tensor's position in `EncodedSchema.encoded`.
    ///   - offset: the first element's byte within the tensor.
    /// - Returns: what they add to the sum of squares of the update that the file stands for; nil for elements that
    ///   are no others than in a plain update.
    /// - Throws: ``AggregationError`` `invalidEncoding`.
    mutating func check(
        _ elements: UnsafeRawBufferPointer, of position: Int, from offset: Int
    ) throws -> Double? {
        let part = schema.parts[position]
        let name = schema.plain.tensors[part.tensor].name
        switch part.role {
        case .whole, .value: return nil
        case .scale:
            let values = elements.assumingMemoryBound(to: Float.self)
            if let bad = values.first(where: { !BlockQuantization.isScale($0) }) {
                throw AggregationError(
                    .invalidEncoding,
                    "tensor '\(name)' has the scale \(bad), expected 0 to \(Float.greatestFiniteMagnitude / 127)")
            }
            scales[part.tensor, default: []] += values
            return 0
        case .code: return try sumOfSquares(elements, of: part.tensor, from: offset, name)
        case .index:
            if offset == 0 { place = -1 }
            let count = schema.plain.tensors[part.tensor].elementCount
            for word in elements.assumingMemoryBound(to: UInt32.self) {
                let next = Int(UInt32(littleEndian: word))
                guard next > place, next < count else {
                    throw AggregationError(
                        .invalidEncoding,
                        "tensor '\(name)' of \(count) elements has the place \(next) after \(place), "
                            + "expected ascending places from 0 to \(count - 1)")
                }
                place = next
            }
            return 0
        }
    }

    private func sumOfSquares(
        _ codes: UnsafeRawBufferPointer, of tensor: Int, from offset: Int, _ name: String
    ) throws -> Double {
        guard !codes.contains(0) else {
            throw AggregationError(
                .invalidEncoding, "tensor '\(name)' has the integer -128, expected -127 to 127")
        }
        guard case .blocks(let size) = schema.forms[tensor], let scales = scales[tensor] else { return 0 }
        var sum = 0.0
        var start = 0
        while start < codes.count {
            let block = (offset + start) / size
            let end = min((block + 1) * size - offset, codes.count)
            // Exact: at most 2¹⁶ squares below 2¹⁴.
            var squares = 0
            for code in codes[start..<end] {
                let integer = Int(code) - 128
                squares += integer * integer
            }
            sum += Double(squares) * (Double(scales[block]) * Double(scales[block]))
            start = end
        }
        return sum
    }
}
