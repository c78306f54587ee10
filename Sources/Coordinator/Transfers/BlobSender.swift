internal import Durability
internal import Foundation
internal import GRPCCore
internal import Wire
internal import WireMessages

/// Streams a blob in chunks, few in memory at a time: each is read when the transport has seen the last but one.
enum BlobSender {
    /// Sends a file from an offset to its end.
    ///
    /// - Parameter pace: that of the stream that `write` writes to.
    static func send(
        _ file: any OpenFile, from offset: Int64, pace: WritePace, moved: (Int64) -> Void,
        write: (Tributary_V1_Chunk) async throws -> Void
    ) async throws {
        let size = try file.size()
        guard offset >= 0, offset <= size else {
            throw CoordinatorError(.invalidRequest, "offset: found \(offset), the weights have \(size) bytes")
        }
        var position = offset
        var pace = pace
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
            await pace.wrote()
            position += Int64(count)
            moved(position)
        }
    }
}
