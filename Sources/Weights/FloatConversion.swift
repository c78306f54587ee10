/// Loops between the bytes of a float tensor and Float32 or Float64 buffers.
///
/// The bytes must be aligned to the element, which every tensor of ``Weights`` is.
public enum FloatConversion {
    static func requireFloat(_ spec: TensorSpec) throws {
        guard spec.dtype.isFloat else {
            throw WeightsError(
                .unsuitableDType,
                "tensor \(quoted(spec.name)) is \(spec.dtype.rawValue); only float tensors take part in arithmetic"
            )
        }
    }

    /// Elements as Float32; f64 rounds to nearest. `target.count` elements are read. `dtype` must be a float type.
    static func floats(
        from bytes: UnsafeRawBufferPointer,
        as dtype: DType,
        into target: UnsafeMutableBufferPointer<Float>
    ) {
        switch dtype {
        case .f32:
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<(target.count * 4)])
            )
        case .f64:
            let source = bytes.assumingMemoryBound(to: Double.self)
            for index in 0..<target.count { target[index] = Float(source[index]) }
        case .f16:
            let source = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<target.count { target[index] = HalfPrecision.float(fromFloat16: source[index]) }
        case .bf16:
            let source = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<target.count { target[index] = HalfPrecision.float(fromBFloat16: source[index]) }
        case .i64, .u8, .bool:
            preconditionFailure("\(dtype) is not a float type")
        }
    }

    /// Stores Float32 values as `dtype`, rounding to nearest even. `dtype` must be a float type.
    static func store(
        _ values: UnsafeBufferPointer<Float>,
        as dtype: DType,
        into bytes: UnsafeMutableRawBufferPointer
    ) {
        switch dtype {
        case .f32:
            bytes.copyMemory(from: UnsafeRawBufferPointer(values))
        case .f64:
            let target = bytes.assumingMemoryBound(to: Double.self)
            for index in 0..<values.count { target[index] = Double(values[index]) }
        case .f16:
            let target = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<values.count { target[index] = HalfPrecision.float16(values[index]) }
        case .bf16:
            let target = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<values.count { target[index] = HalfPrecision.bfloat16(values[index]) }
        case .i64, .u8, .bool:
            preconditionFailure("\(dtype) is not a float type")
        }
    }

    /// Elements as Float64, exactly. `target.count` elements are read. `dtype` must be a float type.
    public static func doubles(
        from bytes: UnsafeRawBufferPointer,
        as dtype: DType,
        into target: UnsafeMutableBufferPointer<Double>
    ) {
        precondition(dtype.isFloat && bytes.count >= target.count * dtype.byteWidth, "not enough float bytes")
        switch dtype {
        case .f32:
            let source = bytes.assumingMemoryBound(to: Float.self)
            for index in 0..<target.count { target[index] = Double(source[index]) }
        case .f64:
            UnsafeMutableRawBufferPointer(target).copyMemory(
                from: UnsafeRawBufferPointer(rebasing: bytes[..<(target.count * 8)])
            )
        case .f16:
            let source = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<target.count { target[index] = Double(HalfPrecision.float(fromFloat16: source[index])) }
        case .bf16:
            let source = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<target.count { target[index] = Double(HalfPrecision.float(fromBFloat16: source[index])) }
        case .i64, .u8, .bool:
            break
        }
    }

    /// Stores Float64 values as `dtype`, each rounded once, to nearest even. `dtype` must be a float type.
    public static func store(
        _ values: UnsafeBufferPointer<Double>,
        as dtype: DType,
        into bytes: UnsafeMutableRawBufferPointer
    ) {
        precondition(dtype.isFloat && bytes.count >= values.count * dtype.byteWidth, "not enough room for floats")
        switch dtype {
        case .f32:
            let target = bytes.assumingMemoryBound(to: Float.self)
            for index in 0..<values.count { target[index] = Float(values[index]) }
        case .f64:
            bytes.copyMemory(from: UnsafeRawBufferPointer(values))
        case .f16:
            let target = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<values.count {
                target[index] = HalfPrecision.float16(HalfPrecision.roundedToOdd(values[index]))
            }
        case .bf16:
            let target = bytes.assumingMemoryBound(to: UInt16.self)
            for index in 0..<values.count {
                target[index] = HalfPrecision.bfloat16(HalfPrecision.roundedToOdd(values[index]))
            }
        case .i64, .u8, .bool:
            break
        }
    }
}
