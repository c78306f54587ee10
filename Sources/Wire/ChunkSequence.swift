public import Foundation
public import WireMessages

/// Checks that the chunks of one file arrive in order, without a gap, and do not exceed the announced size.
public struct ChunkSequence: Sendable {
    /// The position of the next byte.
    public private(set) var position: Int64
    /// The size of the whole file.
    public let totalBytes: Int64

    /// Starts at an offset of a file of a known size.
    public init(from offset: Int64 = 0, totalBytes: Int64) {
        position = offset
        self.totalBytes = totalBytes
    }

    /// Whether every byte is there.
    public var isComplete: Bool { position == totalBytes }

    /// Takes the next chunk and returns its bytes.
    ///
    /// - Throws: ``WireError``: `outOfOrder` for a gap or a repetition, `tooLarge` for a chunk over
    ///   ``WireLimits/chunkBytes`` or one that goes past the announced end.
    public mutating func accept(_ chunk: Tributary_V1_Chunk) throws -> Data {
        guard chunk.data.count <= WireLimits.chunkBytes else {
            throw WireError(
                .tooLarge, "chunk: found \(chunk.data.count) bytes, expected at most \(WireLimits.chunkBytes)")
        }
        guard Int64(exactly: chunk.offset) == position else {
            throw WireError(.outOfOrder, "chunk: found offset \(chunk.offset), expected \(position)")
        }
        guard Int64(chunk.data.count) <= totalBytes - position else {
            throw WireError(
                .tooLarge,
                "chunk: \(chunk.data.count) bytes at \(position) go past the announced \(totalBytes) bytes")
        }
        position += Int64(chunk.data.count)
        return chunk.data
    }
}
