/// How the float tensors of an update are written for the wire.
///
/// | encoding | bytes an element | what it keeps |
/// |---|---|---|
/// | `f32` | 4 | every bit |
/// | `bf16` | 2 | 8 binary digits and the whole range of f32 |
/// | `f16` | 2 | 11 binary digits; beyond ±65504 the largest number |
/// | `int8` | 1 and 4 / `block` | each block's elements in 255 equal steps |
/// | `topK` | 8 × `fraction` | the largest elements of each tensor exactly, of the others nothing |
///
/// Rounding is to nearest, ties to even, so that equal updates give equal bytes on every machine.
///
/// **Error feedback**: what an encoding leaves out of one round's update is added to the next round's. With u the update of
/// round t, e what was left out before (0 at first) and C the encoding there and back,
///
///     p = u + e,   sent: C(p),   e ← p − C(p)
///
/// so that the sum of what was sent differs from the sum of the updates by the last e alone. F. Seide, H. Fu, J. Droppo,
/// G. Li, D. Yu, "1-bit stochastic gradient descent and its application to data-parallel distributed training of speech
/// DNNs", Interspeech 2014; S. P. Karimireddy, Q. Rebjock, S. Stich, M. Jaggi, "Error feedback fixes SignSGD and other
/// gradient compression schemes", ICML 2019.
public struct UpdateEncoding: Sendable, Hashable {
    /// The encodings with their numbers.
    public enum Method: Sendable, Hashable {
        /// 32-bit floats, as they are.
        case f32
        /// The upper half of a 32-bit float.
        case bf16
        /// 16-bit floats.
        case f16
        /// Integers in −127...127 with one scale for each `block` elements; see ``BlockQuantization``.
        case int8(block: Int)
        /// The share `fraction` of each tensor's elements; see ``SparseSelection``.
        case topK(fraction: Double)
    }

    /// The encoding.
    public var method: Method
    /// Whether what is left out goes into the next round.
    public var hasErrorFeedback: Bool

    /// 32-bit floats.
    public static let f32 = UpdateEncoding(.f32)

    /// An encoding.
    public init(_ method: Method, hasErrorFeedback: Bool = false) {
        self.method = method
        self.hasErrorFeedback = hasErrorFeedback
    }

    /// How a tensor is written: encoded if it is f32 and becomes smaller by it, as it is otherwise.
    public func form(of spec: TensorSpec) -> EncodedSchema.Form {
        guard spec.dtype == .f32, spec.elementCount > 0 else { return .plain }
        let count = spec.elementCount
        switch method {
        case .f32: return .plain
        case .bf16: return .half(.bf16)
        case .f16: return .half(.f16)
        case .int8(let block):
            let blocks = EncodedSchema.blocks(of: count, size: max(1, block))
            return count + 4 * blocks < 4 * count ? .blocks(of: max(1, block)) : .plain
        case .topK(let fraction):
            let kept = max(1, Int((min(max(fraction, 0), 1) * Double(count)).rounded(.toNearestOrEven)))
            return 2 * kept < count && count <= Int(UInt32.max) ? .sparse(count: kept) : .plain
        }
    }
}
