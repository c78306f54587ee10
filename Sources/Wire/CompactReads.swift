internal import NIOCore

/// Stands behind TLS and hands small reads on in memory of their own.
///
/// TLS reads into a buffer of 32 KiB. HTTP/2 keeps the last buffer that it was given, so without this every idle session
/// holds two or three of them for the few bytes of its last heartbeat.
final class CompactReads: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Reads of up to this many bytes are copied: sessions' messages, not chunks.
    static let limit = 4096

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        guard buffer.readableBytes <= Self.limit, buffer.storageCapacity > 2 * Self.limit else {
            context.fireChannelRead(data)
            return
        }
        var copy = context.channel.allocator.buffer(capacity: buffer.readableBytes)
        copy.writeBytes(buffer.readableBytesView)
        context.fireChannelRead(wrapInboundOut(copy))
    }
}
