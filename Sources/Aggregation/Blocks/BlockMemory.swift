/// Memory for a block's values, freed with its owner.
///
/// `@unchecked Sendable`: it is used by one thread at a time; a ``BlockDriver`` hands a slot on with a semaphore.
final class BlockMemory: @unchecked Sendable {
    /// The whole memory, aligned to 64 bytes and zero at first.
    let bytes: UnsafeMutableRawBufferPointer
    /// How many bytes hold a result.
    var used = 0

    /// Memory of some bytes.
    init(bytes count: Int) {
        // Zeroed, so that no result can depend on what lay there before.
        bytes = .allocate(byteCount: max(64, count), alignment: 64)
        bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        bytes.deallocate()
    }

    /// The memory as elements of one type from a byte on.
    func buffer<Element: BitwiseCopyable>(of type: Element.Type, count: Int, at offset: Int = 0)
        -> UnsafeMutableBufferPointer<Element>
    {
        UnsafeMutableRawBufferPointer(rebasing: bytes[offset..<(offset + count * MemoryLayout<Element>.stride)])
            .bindMemory(to: Element.self)
    }

    /// The bytes of the result.
    var result: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: bytes[..<used]) }
}

/// Numbers that a block adds to a total.
///
/// `@unchecked Sendable`: as ``BlockMemory``.
final class PartialSums: @unchecked Sendable {
    var values: [Double]

    init(count: Int) {
        values = [Double](repeating: 0, count: count)
    }
}
