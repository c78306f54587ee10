import NIOCore
import NIOEmbedded
import Testing

@testable import Wire

@Suite struct CompactReadsTests {
    @Test("A small read does not keep the large buffer it came in; a large one is not copied")
    func reads() throws {
        let channel = EmbeddedChannel(handler: CompactReads())
        var small = channel.allocator.buffer(capacity: 1 << 15)
        small.writeBytes([1, 2, 3])
        try channel.writeInbound(small)
        let compact = try #require(try channel.readInbound(as: ByteBuffer.self))
        #expect(compact == small)
        #expect(compact.storageCapacity <= 16)

        let large = ByteBuffer(repeating: 7, count: CompactReads.limit + 1)
        try channel.writeInbound(large)
        let same = try #require(try channel.readInbound(as: ByteBuffer.self))
        #expect(same == large)
        #expect(same.withUnsafeReadableBytes { $0.baseAddress } == large.withUnsafeReadableBytes { $0.baseAddress })
        _ = try channel.finish()
    }
}
