#if _endian(big)
#error("tensors are kept in little-endian bytes; this machine is big-endian")
#endif

/// The contiguous bytes of ``Weights``, aligned to 64 bytes.
///
/// Sendable by proof: the bytes change only through a `Weights` that holds the only reference (copy on write) and
/// has exclusive access to itself; shared storage is never written.
final class WeightsStorage: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    /// Uninitialised bytes. At least 64 are allocated, so the base address always exists.
    init(byteCount: Int) {
        let allocation = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
        bytes = UnsafeMutableRawBufferPointer(rebasing: allocation[..<byteCount])
    }

    deinit {
        bytes.deallocate()
    }

    func copy() -> WeightsStorage {
        let copy = WeightsStorage(byteCount: bytes.count)
        copy.bytes.copyMemory(from: UnsafeRawBufferPointer(bytes))
        return copy
    }
}
