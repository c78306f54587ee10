/// The inner loops over contiguous elements. The order of every operation is fixed, so results do not depend on the
/// machine's vector width.
public enum FloatKernels {
    /// The sum of squares in Float64 of elements that may be of any float type.
    ///
    /// Eight interleaved accumulators (element i goes to accumulator i mod 8), added pairwise at the end. NaN and
    /// infinities carry through.
    ///
    /// - Parameters:
    ///   - bytes: whole elements, aligned to the element.
    ///   - dtype: a float type.
    public static func sumOfSquares(_ bytes: UnsafeRawBufferPointer, as dtype: DType) -> Double {
        switch dtype {
        case .f32:
            let values = bytes.assumingMemoryBound(to: Float.self)
            return sumOfSquares(count: values.count) {
                SIMD8<Double>(loadFloats(values, $0))
            } one: {
                Double(values[$0])
            }
        case .f64:
            let values = bytes.assumingMemoryBound(to: Double.self)
            return sumOfSquares(count: values.count) {
                loadDoubles(values, $0)
            } one: {
                values[$0]
            }
        case .f16:
            let values = bytes.assumingMemoryBound(to: UInt16.self)
            return sumOfSquares(count: values.count) { start in
                var lanes = SIMD8<Double>()
                for lane in 0..<8 { lanes[lane] = Double(HalfPrecision.float(fromFloat16: values[start &+ lane])) }
                return lanes
            } one: {
                Double(HalfPrecision.float(fromFloat16: values[$0]))
            }
        case .bf16:
            let values = bytes.assumingMemoryBound(to: UInt16.self)
            return sumOfSquares(count: values.count) { start in
                var lanes = SIMD8<Double>()
                for lane in 0..<8 { lanes[lane] = Double(HalfPrecision.float(fromBFloat16: values[start &+ lane])) }
                return lanes
            } one: {
                Double(HalfPrecision.float(fromBFloat16: values[$0]))
            }
        case .i64, .u8, .bool:
            preconditionFailure("\(dtype) is not a float type")
        }
    }

    /// Whether no element is NaN or infinite. True for types that are not float.
    ///
    /// - Parameters:
    ///   - bytes: whole elements, aligned to the element.
    ///   - dtype: their type.
    public static func allFinite(_ bytes: UnsafeRawBufferPointer, as dtype: DType) -> Bool {
        // An exponent of all ones is NaN or infinity. Blocks keep the loop free of branches and the scan short.
        switch dtype {
        case .f32: anyMatches(bytes.assumingMemoryBound(to: UInt32.self), mask: 0x7F80_0000) == false
        case .f64: anyMatches(bytes.assumingMemoryBound(to: UInt64.self), mask: 0x7FF0_0000_0000_0000) == false
        case .f16: anyMatches(bytes.assumingMemoryBound(to: UInt16.self), mask: 0x7C00) == false
        case .bf16: anyMatches(bytes.assumingMemoryBound(to: UInt16.self), mask: 0x7F80) == false
        case .i64, .u8, .bool: true
        }
    }

    @inline(__always)
    private static func anyMatches<Word: FixedWidthInteger & UnsignedInteger>(
        _ words: UnsafeBufferPointer<Word>,
        mask: Word
    ) -> Bool {
        var start = 0
        while start < words.count {
            let end = min(start &+ 4096, words.count)
            var found: Word = 0
            for index in start..<end {
                found |= (words[index] & mask) == mask ? 1 : 0
            }
            if found != 0 { return true }
            start = end
        }
        return false
    }

    @inline(__always)
    private static func sumOfSquares(
        count: Int,
        eight: (Int) -> SIMD8<Double>,
        one: (Int) -> Double
    ) -> Double {
        var sums = SIMD8<Double>()
        var index = 0
        while index &+ 8 <= count {
            let lanes = eight(index)
            sums += lanes * lanes
            index &+= 8
        }
        while index < count {
            let value = one(index)
            sums[index & 7] += value * value
            index &+= 1
        }
        let four = sums.lowHalf + sums.highHalf
        let two = four.lowHalf + four.highHalf
        return two.x + two.y
    }

    @inline(__always)
    private static func loadFloats(_ values: UnsafeBufferPointer<Float>, _ start: Int) -> SIMD8<Float> {
        UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + start).loadUnaligned(as: SIMD8<Float>.self)
    }

    @inline(__always)
    private static func loadDoubles(_ values: UnsafeBufferPointer<Double>, _ start: Int) -> SIMD8<Double> {
        UnsafeRawPointer(values.baseAddress.unsafelyUnwrapped + start).loadUnaligned(as: SIMD8<Double>.self)
    }
}
