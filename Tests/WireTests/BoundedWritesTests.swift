import NIOCore
import NIOEmbedded
import Testing

@testable import Wire

@Suite struct BoundedWritesTests {
    /// Notes how many bytes lie between two flushes.
    private final class Flushes: ChannelOutboundHandler {
        typealias OutboundIn = ByteBuffer

        var flushed: [Int] = []
        var bytes: [UInt8] = []
        private var waiting = 0

        func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
            let buffer = unwrapOutboundIn(data)
            waiting += buffer.readableBytes
            bytes += Array(buffer.readableBytesView)
            promise?.succeed()
        }

        func flush(context: ChannelHandlerContext) {
            flushed.append(waiting)
            waiting = 0
        }
    }

    @Test("Large writes are flushed in pieces, small ones when asked, and every byte goes on in order")
    func pieces() throws {
        let flushes = Flushes()
        let channel = EmbeddedChannel()
        try channel.pipeline.syncOperations.addHandlers([flushes, BoundedWrites()])
        let large = (0..<(BoundedWrites.piece * 5 / 2)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        channel.write(ByteBuffer(bytes: [1, 2, 3]), promise: nil)
        channel.write(ByteBuffer(bytes: large), promise: promise)
        #expect(flushes.flushed == [BoundedWrites.piece, BoundedWrites.piece])
        channel.flush()
        #expect(flushes.flushed.last == BoundedWrites.piece / 2 + 3)
        #expect(flushes.bytes == [1, 2, 3] + large)
        try promise.futureResult.wait()
        channel.writeAndFlush(ByteBuffer(bytes: [9]), promise: nil)
        #expect(flushes.flushed.last == 1)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}
