internal import NIOCore
internal import NIOHPACK
internal import NIOHTTP2

/// Stands first in each stream of the coordinator and ends a call that is over while its peer does not take what is left
/// of it.
///
/// The status of a call waits behind the chunks that were written before it, and these wait until the peer opens its
/// window: a peer that never does would keep them in memory for as long as it stays connected, after the call gave its
/// slot back. When the peer takes nothing for a while the stream is reset, which drops what waits. A peer on a slow line
/// opens its window only every 2 MiB, so what counts is what its side of the connection acknowledged.
final class StuckCalls: ChannelOutboundHandler {
    typealias OutboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// How long the status of a call that failed may wait: who was sent a part of something wrong is not owed the rest.
    static let failedLimit = TimeAmount.seconds(1)
    /// How long a peer may take nothing before the status of a call that went well: its last chunks are still of use.
    static let completeLimit = TimeAmount.seconds(30)
    /// How often it is asked what the peer took, while the status of a call that went well waits.
    static let interval = TimeAmount.seconds(5)
    /// Less than this within ``completeLimit`` is nothing: the answers to pings and heartbeats of the same connection.
    static let leastTaken: UInt64 = 64 << 10
    /// When the peer took this much and the status still waits, it takes other streams and not this one: every stream of a
    /// connection may have a window under way and about as much before it.
    static let mostTaken = UInt64(2 * TransportSettings.streamsPerConnection * TransportSettings.windowBytes)

    /// What the peer took since its call was over.
    private struct Waiting {
        var first: UInt64
        var last: UInt64
        var since: NIODeadline
    }

    private let acknowledged: (any Channel) -> EventLoopFuture<UInt64>
    /// Whether the status was handed on that was not sent yet, and whether the call went well.
    private var succeeded: Bool?
    private var look: Scheduled<Void>?
    private var waiting: Waiting?

    /// A handler for one stream.
    ///
    /// - Parameter acknowledged: how many bytes the peer of the stream's connection acknowledged, on its event loop.
    init(acknowledged: @escaping (any Channel) -> EventLoopFuture<UInt64> = AcknowledgedBytes.read) {
        self.acknowledged = acknowledged
    }

    /// Puts a handler into a stream.
    static func install(in channel: any Channel) throws {
        try channel.pipeline.syncOperations.addHandler(StuckCalls(), position: .first)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .headers(let headers) = unwrapOutboundIn(data), headers.endStream else {
            context.write(data, promise: promise)
            return
        }
        succeeded = headers.headers.first(name: "grpc-status") == "0"
        let sent = promise ?? context.eventLoop.makePromise()
        sent.futureResult.assumeIsolated().whenComplete { _ in self.stop() }
        context.write(data, promise: sent)
    }

    func flush(context: ChannelHandlerContext) {
        context.flush()
        // Nearly always the status is gone by now.
        guard let succeeded, look == nil else { return }
        let channel = context.channel
        if succeeded {
            ask(channel)
            lookLater(channel)
        } else {
            look = channel.eventLoop.scheduleTask(in: Self.failedLimit) { channel.close(promise: nil) }
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        stop()
    }

    private func lookLater(_ channel: any Channel) {
        look = channel.eventLoop.assumeIsolated().scheduleTask(in: Self.interval) {
            self.ask(channel)
            if self.succeeded != nil { self.lookLater(channel) }
        }
    }

    /// Asks what the peer took, and ends the call when that is nothing, or was for others.
    private func ask(_ channel: any Channel) {
        let now = channel.eventLoop.now
        acknowledged(channel).assumeIsolated().whenComplete { result in
            guard self.succeeded != nil else { return }
            guard var waiting = self.waiting else {
                let taken = (try? result.get()) ?? 0
                self.waiting = Waiting(first: taken, last: taken, since: now)
                return
            }
            // A connection that cannot be asked takes nothing.
            let taken = (try? result.get()) ?? waiting.last
            if taken >= waiting.last + Self.leastTaken {
                waiting.last = taken
                waiting.since = now
                self.waiting = waiting
            }
            guard now - waiting.since >= Self.completeLimit || taken - waiting.first >= Self.mostTaken else { return }
            self.stop()
            channel.close(promise: nil)
        }
    }

    private func stop() {
        succeeded = nil
        waiting = nil
        look?.cancel()
        look = nil
    }
}
