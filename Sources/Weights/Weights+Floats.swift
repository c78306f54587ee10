extension Weights {
    /// The elements of an f32 tensor. The pointer is valid during the call only.
    ///
    /// - Throws: ``WeightsError`` `unknownTensor`, or `unsuitableDType` for any other dtype; what `body` throws.
    public func withFloats<R>(_ name: String, _ body: (UnsafeBufferPointer<Float>) throws -> R) throws -> R {
        try checkFloat32(name)
        return try withUnsafeBytes(of: name) { try body($0.assumingMemoryBound(to: Float.self)) }
    }

    /// The elements of an f32 tensor for writing. The pointer is valid during the call only.
    ///
    /// - Throws: ``WeightsError`` `unknownTensor`, or `unsuitableDType` for any other dtype; what `body` throws.
    public mutating func withMutableFloats<R>(
        _ name: String,
        _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
    ) throws -> R {
        try checkFloat32(name)
        return try withUnsafeMutableBytes(of: name) { try body($0.assumingMemoryBound(to: Float.self)) }
    }

    /// The elements of a float tensor as Float32. f16 and bf16 convert exactly; f64 rounds to nearest even.
    ///
    /// - Throws: ``WeightsError`` `unknownTensor`, or `unsuitableDType` for integers and booleans.
    public func floats(_ name: String) throws -> [Float] {
        let spec = schema.tensors[try index(of: name)]
        try FloatConversion.requireFloat(spec)
        return try withUnsafeBytes(of: name) { bytes in
            [Float](unsafeUninitializedCapacity: spec.elementCount) { buffer, initialized in
                let target = UnsafeMutableBufferPointer(rebasing: buffer[..<spec.elementCount])
                FloatConversion.floats(from: bytes, as: spec.dtype, into: target)
                initialized = spec.elementCount
            }
        }
    }

    /// Replaces the elements of a float tensor; f64 takes them exactly, f16 and bf16 round to nearest even.
    ///
    /// - Throws: ``WeightsError`` `unknownTensor`, `unsuitableDType` for integers and booleans, `byteCountMismatch`
    ///   when the number of values is not the tensor's.
    public mutating func setFloats(_ name: String, _ values: [Float]) throws {
        let spec = schema.tensors[try index(of: name)]
        try FloatConversion.requireFloat(spec)
        guard values.count == spec.elementCount else {
            throw WeightsError(
                .byteCountMismatch,
                "tensor \(quoted(name)) of shape \(spec.shape) has \(spec.elementCount) elements, got \(values.count)"
            )
        }
        try withUnsafeMutableBytes(of: name) { bytes in
            values.withUnsafeBufferPointer { FloatConversion.store($0, as: spec.dtype, into: bytes) }
        }
    }

    /// The elements of an i64 tensor.
    ///
    /// - Throws: ``WeightsError`` `unknownTensor`, or `unsuitableDType` for any other dtype.
    public func integers(_ name: String) throws -> [Int64] {
        let spec = schema.tensors[try index(of: name)]
        guard spec.dtype == .i64 else {
            throw WeightsError(.unsuitableDType, "tensor \(quoted(name)) is \(spec.dtype.rawValue), expected I64")
        }
        return try withUnsafeBytes(of: name) { Array($0.assumingMemoryBound(to: Int64.self)) }
    }

    private func checkFloat32(_ name: String) throws {
        let spec = schema.tensors[try index(of: name)]
        guard spec.dtype == .f32 else {
            throw WeightsError(.unsuitableDType, "tensor \(quoted(name)) is \(spec.dtype.rawValue), expected F32")
        }
    }
}
