/// Conversions between Float32 and the two 16-bit formats that give the same bits on every machine.
public enum HalfPrecision {
    /// The value of an IEEE 754 binary16 pattern.
    @inlinable
    public static func float(fromFloat16 bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) &<< 16
        let magnitude = UInt32(bits & 0x7FFF)
        if magnitude >= 0x7C00 {
            // Infinity and NaN; a signalling NaN becomes quiet.
            let quiet: UInt32 = magnitude > 0x7C00 ? 0x0040_0000 : 0
            return Float(bitPattern: sign | 0x7F80_0000 | (magnitude & 0x03FF) &<< 13 | quiet)
        }
        if magnitude < 0x0400 {
            // Subnormals are whole multiples of 2^-24, which is exact and never a Float32 subnormal.
            return Float(bitPattern: (Float(magnitude) * 0x1p-24).bitPattern | sign)
        }
        return Float(bitPattern: sign | (magnitude &<< 13) &+ (112 &<< 23))
    }

    /// The binary16 pattern nearest to a value, ties to even; too large becomes infinity, NaN stays NaN.
    @inlinable
    public static func float16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(truncatingIfNeeded: bits &>> 16) & 0x8000
        let magnitude = bits & 0x7FFF_FFFF
        if magnitude > 0x7F80_0000 {
            return sign | 0x7E00 | UInt16(truncatingIfNeeded: magnitude &>> 13) & 0x01FF
        }
        // 65520 and above round to infinity.
        if magnitude >= 0x477F_F000 { return sign | 0x7C00 }
        if magnitude < 0x3880_0000 {
            // Subnormal result: adding 0.5 puts the unit of 2^-24 at the last bit and rounds to even.
            let shifted = Float(bitPattern: magnitude) + 0.5
            return sign | UInt16(truncatingIfNeeded: shifted.bitPattern &- 0x3F00_0000)
        }
        let odd = (magnitude &>> 13) & 1
        let rounded = magnitude &- 0x3800_0000 &+ 0x0FFF &+ odd
        return sign | UInt16(truncatingIfNeeded: rounded &>> 13)
    }

    /// The value of a bfloat16 pattern.
    @inlinable
    public static func float(fromBFloat16 bits: UInt16) -> Float {
        Float(bitPattern: UInt32(bits) &<< 16)
    }

    /// The bfloat16 pattern nearest to a value, ties to even; too large becomes infinity, NaN stays NaN (quiet).
    @inlinable
    public static func bfloat16(_ value: Float) -> UInt16 {
        let bits = value.bitPattern
        if value.isNaN { return UInt16(truncatingIfNeeded: bits &>> 16) | 0x0040 }
        let rounded = bits &+ 0x7FFF &+ ((bits &>> 16) & 1)
        return UInt16(truncatingIfNeeded: rounded &>> 16)
    }

    /// A value rounded to Float32 so that rounding it once more to 16 bits gives the result of rounding the Float64
    /// once: when inexact, the neighbour with an odd last bit.
    @inlinable
    static func roundedToOdd(_ value: Double) -> Float {
        let nearest = Float(value)
        let back = Double(nearest)
        if back == value || nearest.isNaN || nearest.bitPattern & 1 == 1 { return nearest }
        return back < value ? nearest.nextUp : nearest.nextDown
    }
}
