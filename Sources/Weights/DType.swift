/// The element types of tensors. The raw values are those of safetensors.
public enum DType: String, Sendable, Codable, CaseIterable {
    /// 32-bit IEEE 754.
    case f32 = "F32"
    /// 64-bit IEEE 754.
    case f64 = "F64"
    /// 16-bit IEEE 754.
    case f16 = "F16"
    /// The upper half of a 32-bit IEEE 754 number.
    case bf16 = "BF16"
    /// 64-bit signed integer.
    case i64 = "I64"
    /// 8-bit unsigned integer.
    case u8 = "U8"
    /// One byte, 0 or 1.
    case bool = "BOOL"

    /// Bytes of one element. Elements are little-endian.
    @inlinable
    public var byteWidth: Int {
        switch self {
        case .f64, .i64: 8
        case .f32: 4
        case .f16, .bf16: 2
        case .u8, .bool: 1
        }
    }

    /// Whether elements are floating-point numbers: only those are added, scaled and averaged.
    @inlinable
    public var isFloat: Bool {
        switch self {
        case .f32, .f64, .f16, .bf16: true
        case .i64, .u8, .bool: false
        }
    }
}
