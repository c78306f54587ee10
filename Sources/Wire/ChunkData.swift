public import Foundation

/// Memory for the bytes of one chunk.
public enum ChunkData {
    /// `count` bytes that `fill` writes; unlike `Data(count:)` they are not cleared before.
    ///
    /// - Parameter fill: has to write every byte.
    public static func filled(
        count: Int, _ fill: (UnsafeMutableRawBufferPointer) throws -> Void
    ) rethrows -> Data {
        guard count > 0 else { return Data() }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        do {
            try fill(UnsafeMutableRawBufferPointer(start: memory, count: count))
        } catch {
            memory.deallocate()
            throw error
        }
        return Data(bytesNoCopy: memory, count: count, deallocator: .custom { memory, _ in memory.deallocate() })
    }
}
