internal import CTorch
public import Randomness
public import Weights

extension Tensor {
    /// Copies numbers, row-major.
    ///
    /// - Parameter shape: one axis holding all of them when nil.
    /// - Throws: `TensorError` when the shape holds another number of elements.
    public convenience init(_ values: [Float], shape: [Int]? = nil) throws(TensorError) {
        try self.init(copying: values, shape: shape, dtype: .f32)
    }

    /// Copies 64-bit numbers, row-major.
    public convenience init(_ values: [Double], shape: [Int]? = nil) throws(TensorError) {
        try self.init(copying: values, shape: shape, dtype: .f64)
    }

    /// Copies integers, row-major, as 64-bit integers: class indices, positions.
    public convenience init(_ values: [Int], shape: [Int]? = nil) throws(TensorError) {
        try self.init(copying: values, shape: shape, dtype: .i64)
    }

    /// Copies truth values, row-major.
    public convenience init(_ values: [Bool], shape: [Int]? = nil) throws(TensorError) {
        try self.init(copying: values.map { $0 ? UInt8(1) : 0 }, shape: shape, dtype: .bool)
    }

    /// Copies elements from bytes: row-major, the machine's byte order, exactly as many as shape and type need.
    ///
    /// For `bool` every byte must be 0 or 1. The error names the operation and both sizes when they differ.
    public convenience init(
        bytes: UnsafeRawBufferPointer,
        shape: [Int],
        dtype: DType
    ) throws(TensorError) {
        self.init(owning: try Self.copy(bytes, shape: shape, dtype: dtype))
    }

    private convenience init<Element: BitwiseCopyable>(
        copying values: [Element],
        shape: [Int]?,
        dtype: DType
    ) throws(TensorError) {
        let copied = values.withUnsafeBytes { source in
            Result { () throws(TensorError) in try Self.copy(source, shape: shape ?? [values.count], dtype: dtype) }
        }
        self.init(owning: try copied.get())
    }

    static func copy(
        _ bytes: UnsafeRawBufferPointer,
        shape: [Int],
        dtype: DType
    ) throws(TensorError) -> OpaquePointer {
        let extents = shape.map(Int64.init)
        var result: OpaquePointer?
        try checkNative("tensor of shape") { message in
            result = ct_from_bytes(
                bytes.baseAddress, bytes.count, dtype.native, extents, Int32(extents.count), message)
            return result != nil
        }
        guard let result else {
            throw TensorError(.outOfMemory, "tensor of shape \(shape): no result")
        }
        return result
    }

    /// A tensor of one element and no axes.
    public static func scalar(_ value: Double, dtype: DType = .f32) throws(TensorError) -> Tensor {
        try full(value, [], dtype: dtype)
    }

    /// A tensor with one value everywhere.
    public static func full(_ value: Double, _ shape: [Int], dtype: DType = .f32) throws(TensorError) -> Tensor {
        let extents = shape.map(Int64.init)
        return try make("full") { ct_full(value, dtype.native, extents, Int32(extents.count), $0) }
    }

    /// A tensor of zeros.
    public static func zeros(_ shape: [Int], dtype: DType = .f32) throws(TensorError) -> Tensor {
        try full(0, shape, dtype: dtype)
    }

    /// A tensor of ones.
    public static func ones(_ shape: [Int], dtype: DType = .f32) throws(TensorError) -> Tensor {
        try full(1, shape, dtype: dtype)
    }

    /// The integers from 0 to `count` − 1.
    public static func arange(_ count: Int) throws(TensorError) -> Tensor {
        try make("arange") { ct_arange(Int64(count), $0) }
    }

    /// Uniform numbers in [low, high), drawn as 32-bit floats in row-major order from the next whole block of `stream`.
    public static func uniform(
        _ shape: [Int],
        low: Float = 0,
        high: Float = 1,
        from stream: inout RandomStream,
        dtype: DType = .f32
    ) throws(TensorError) -> Tensor {
        try drawn(shape, dtype: dtype) { stream.fillUniform($0, low: low, high: high) }
    }

    /// Normal numbers, drawn as 32-bit floats in row-major order from the next whole block of `stream`.
    public static func normal(
        _ shape: [Int],
        mean: Double = 0,
        standardDeviation: Double = 1,
        from stream: inout RandomStream,
        dtype: DType = .f32
    ) throws(TensorError) -> Tensor {
        try drawn(shape, dtype: dtype) {
            stream.fillNormal($0, mean: mean, standardDeviation: standardDeviation)
        }
    }

    /// The mask of inverted dropout: 0, or 1/keep with probability `keep`, in row-major order from the next whole block
    /// of `stream`.
    ///
    /// - Parameter keep: in (0, 1].
    public static func dropoutMask(
        _ shape: [Int],
        keep: Float,
        from stream: inout RandomStream,
        dtype: DType = .f32
    ) throws(TensorError) -> Tensor {
        guard keep > 0, keep <= 1 else {
            throw TensorError(.invalidArgument, "dropout: expected a probability of keeping in (0, 1], found \(keep)")
        }
        return try drawn(shape, dtype: dtype) { stream.fillDropoutMask($0, keep: keep) }
    }

    private static func drawn(
        _ shape: [Int],
        dtype: DType,
        _ fill: (UnsafeMutableBufferPointer<Float>) -> Void
    ) throws(TensorError) -> Tensor {
        var count = 1
        for extent in shape {
            let (product, overflow) = count.multipliedReportingOverflow(by: extent)
            guard extent >= 0, !overflow, product <= 1 << 32 else {
                throw TensorError(.invalidArgument, "random tensor: shape \(shape) is negative or above 2^32 elements")
            }
            count = product
        }
        let values = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            // Every element is written and none is read before.
            fill(UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
        let tensor = try Tensor(values, shape: shape)
        return dtype == .f32 ? tensor : try tensor.to(dtype)
    }
}
