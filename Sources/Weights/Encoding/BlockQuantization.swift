/// Integers of 8 bits with one scale a block.
///
/// For the elements x of a block, s = max |x| / 127, q = x / s rounded to the nearest integer (ties to even), and back
/// q · s, all in Float32: |x − q · s| ≤ s / 2 but for the last digit. Symmetric: −128 is not used, and 0 stays 0. T. Dettmers,
/// "8-bit approximations for parallelism in deep learning", 2015 (ICLR 2016); T. Dettmers, M. Lewis, S. Shleifer,
/// L. Zettlemoyer, "8-bit optimizers via block-wise quantization", ICLR 2022.
public enum BlockQuantization {
    /// What is added to an integer to make it a byte.
    static let offset: Float = 128

    /// The scale of a block of finite elements: finite, not negative, and 127 times it is finite.
    static func scale(_ values: UnsafeBufferPointer<Float>) -> Float {
        // Without a sign, patterns of finite numbers are in the order of the numbers.
        var largest: UInt32 = 0
        for value in values { largest = max(largest, value.bitPattern & 0x7FFF_FFFF) }
        let scale = Float(bitPattern: largest) / 127
        return (scale * 127).isFinite ? scale : scale.nextDown
    }

    /// The bytes of a block.
    static func encode(
        _ values: UnsafeBufferPointer<Float>, scale: Float, into codes: UnsafeMutableBufferPointer<UInt8>
    ) {
        guard scale > 0 else {
            codes.update(repeating: UInt8(offset))
            return
        }
        for index in 0..<values.count {
            // Beyond ±127 only where the scale has lost digits, below the normal numbers.
            let code = min(max((values[index] / scale).rounded(.toNearestOrEven), -127), 127)
            codes[index] = UInt8(code + offset)
        }
    }

    /// The elements of a block.
    static func decode(
        _ codes: UnsafeBufferPointer<UInt8>, scale: Float, into values: UnsafeMutableBufferPointer<Float>
    ) {
        for index in 0..<values.count { values[index] = value(codes[index], scale: scale) }
    }

    /// One element.
    @inlinable
    public static func value(_ code: UInt8, scale: Float) -> Float { Float(Int32(code) - 128) * scale }

    /// Whether a number can be a block's scale.
    public static func isScale(_ scale: Float) -> Bool { scale >= 0 && scale.sign == .plus && (scale * 127).isFinite }
}
