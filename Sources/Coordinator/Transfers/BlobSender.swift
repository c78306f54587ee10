internal import Durability
internal import Foundation
internal import GRPCCore
internal import Wire
internal import WireMessages

/// Streams a blob in chunks, one in memory at a time: each is read when the last one was taken by the transport.
enum BlobSender {
    /// Sends a file from an offset to its end.
    static func send(
        _ file: any OpenFile, from offset: Int64, moved: (Int64) -> Void,
        write: (Tributary_V1_Chunk) async throws -> Void
    ) async throws {
        let size = try file.size()
        guard offset >= 0, offset <= size else {
            throw CoordinatorError(.invalidRequest, "offset: found \(offset), the weights have \(size) bytes")
        }
        var position = offset
        while position < size {
            try Task.checkCancellation()
            let count = Int(min(Int64(WireLimits.sentChunkBytes), size - position))
            var chunk = Tributary_V1_Chunk()
            chunk.offset = UInt64(position)
            chunk.data = try ChunkData.filled(count: count) { buffer in
                guard try file.read(into: buffer, at: position) == count else {
                    throw CoordinatorError(.corrupt, "\(file.path) has shrunk")
                }
            }
            try await write(chunk)
            position += Int64(count)
            moved(position)
        }
    }
}
