internal import CTorch
internal import Weights

extension Tensor {
    /// The elements, row-major, as 32-bit floats.
    ///
    /// Blocks until they are computed and copies them; other element types are converted.
    public func floats() throws(TensorError) -> [Float] {
        try elements(of: .f32, Float.self)
    }

    /// The elements, row-major, as 64-bit floats.
    public func doubles() throws(TensorError) -> [Double] {
        try elements(of: .f64, Double.self)
    }

    /// The elements, row-major, as integers; fractions are cut off.
    public func integers() throws(TensorError) -> [Int] {
        try elements(of: .i64, Int.self)
    }

    /// The elements, row-major, as truth values; everything but zero is true.
    public func bools() throws(TensorError) -> [Bool] {
        try elements(of: .bool, UInt8.self).map { $0 != 0 }
    }

    /// The value of a tensor of one element.
    ///
    /// - Throws: `TensorError` when the tensor holds another number of elements.
    public func item() throws(TensorError) -> Double {
        var value = 0.0
        try checkNative("item") { ct_item(handle, &value, $0) }
        return value
    }

    /// Writes the elements, row-major and in the machine's byte order, into `bytes`, whose size must be exactly theirs.
    public func copyBytes(to bytes: UnsafeMutableRawBufferPointer) throws(TensorError) {
        try checkNative("copy to bytes") { ct_copy_to_bytes(handle, bytes.baseAddress, bytes.count, $0) }
    }

    private func elements<Element: BitwiseCopyable>(
        of dtype: DType,
        _ type: Element.Type
    ) throws(TensorError) -> [Element] {
        let source = self.dtype == dtype ? self : try to(dtype)
        let count = source.count
        var failure: TensorError?
        let values = [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(TensorError) {
                let bytes = UnsafeMutableRawBufferPointer(buffer)
                try source.copyBytes(
                    to: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * MemoryLayout<Element>.stride)]))
                initialized = count
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return values
    }
}
