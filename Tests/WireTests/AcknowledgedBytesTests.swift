import NIOCore
import NIOEmbedded
import NIOPosix
import Testing

@testable import Wire

@Suite struct AcknowledgedBytesTests {
    /// Sends one byte back when it has read a number of bytes.
    private final class Reader: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var left: Int

        init(_ count: Int) { left = count }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            left -= unwrapInboundIn(data).readableBytes
            if left == 0 { context.writeAndFlush(NIOAny(ByteBuffer(repeating: 1, count: 1)), promise: nil) }
        }
    }

    @Test("What the peer has read is counted", arguments: [1, 300_000])
    func counted(bytes: Int) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Reader(bytes))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await ClientBootstrap(group: group)
            .connect(to: try #require(server.localAddress)) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await client.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(repeating: 7, count: bytes))
            // The answer carries the acknowledgement of all that was sent before.
            for try await _ in inbound { break }
            let channel = client.channel
            let taken = try await channel.eventLoop.flatSubmit { AcknowledgedBytes.read(of: channel) }.get()
            // Linux counts the opening of a connection as one.
            #expect((UInt64(bytes)...UInt64(bytes) + 1).contains(taken), "\(taken)")
        }
        try await server.close()
    }

    @Test("What is no TCP connection cannot be asked")
    func noSocket() throws {
        let channel = EmbeddedChannel()
        #expect(throws: ChannelError.operationUnsupported) { try AcknowledgedBytes.read(of: channel).wait() }
        _ = try channel.finish()
    }
}
