internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Stands first in each stream of the coordinator and ends a call that is over while its peer does not take what is left
/// of it.
///
/// The status of a call waits behind the chunks that were written before it, and these wait until the peer opens its
/// window: a peer that never does would keep them in memory for as long as it stays connected, after the call gave its
/// slot back. When the status was not sent in time the stream is reset, which drops what waits.
final class StuckCalls: ChannelOutboundHandler {
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// How long the status of a call that failed may wait: who was sent a part of something wrong is not owed the rest.
    static let failedLimit = TimeAmount.seconds(1)
    /// How long the status of a call that went well may wait: its last chunks are still of use.
    static let completeLimit = TimeAmount.seconds(30)

    /// How long the status may wait that was handed on and not sent yet.
    private var limit: TimeAmount?
    private var reset: Scheduled<Void>?

    /// Puts a handler into a stream.
    static func install(in channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(StuckCalls(), position: .first)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .headers(let headers) = unwrapOutboundIn(data), headers.endStream else {
            context.write(data, promise: promise)
            return
        }
        limit = headers.headers.first(name: "grpc-status") == "0" ? Self.completeLimit : Self.failedLimit
        let sent = promise ?? context.eventLoop.makePromise()
        sent.futureResult.assumeIsolated().whenComplete { _ in self.stop() }
        context.write(data, promise: sent)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        // Nearly always the status is gone by now.
        guard let limit, reset == nil else { return }
        let channel = context.channel
        reset = context.eventLoop.scheduleTask(in: limit) { channel.close(promise: nil) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stop()
    }

    private func stop() {
        limit = nil
        reset?.cancel()
        reset = nil
    }
}
