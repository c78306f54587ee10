internal import NIOCore
internal import NIOSSL

/// Stands before TLS and hands it writes in pieces, each flushed, so that what TLS has to hold stays small.
///
/// TLS collects everything between two flushes in one buffer for each connection, which grows to the largest amount there
/// ever was and stays: a window of chunks, some MiB, for every session that a model once passed through. Pieces also stay
/// in the processor's cache from sealing to the kernel.
final class BoundedWrites: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The most bytes between two flushes.
    static let piece = 128 << 10

    private var unflushed = 0

    /// Puts a handler, and one for reads, behind the TLS handler of a connection; does nothing on one without TLS.
    static func install(in channel: any Channel) throws {
        let pipeline = channel.pipeline.syncOperations
        let tls: any ChannelHandler
        if let server = try? pipeline.handler(type: NIOSSLServerHandler.self) {
            tls = server
        } else if let client = try? pipeline.handler(type: NIOSSLClientHandler.self) {
            tls = client
        } else {
            return
        }
        try pipeline.addHandlers([BoundedWrites(), CompactReads()], position: .after(tls))
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var buffer = unwrapOutboundIn(data)
        while unflushed + buffer.readableBytes > Self.piece,
            let piece = buffer.readSlice(length: Self.piece - unflushed)
        {
            context.write(wrapOutboundOut(piece), promise: nil)
            unflushed = 0
            context.flush()
        }
        unflushed += buffer.readableBytes
        context.write(wrapOutboundOut(buffer), promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        unflushed = 0
        context.flush()
    }
}
