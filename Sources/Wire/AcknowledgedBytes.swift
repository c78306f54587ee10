internal import NIOCore

/// How much of what was sent over a connection its peer acknowledged, as the kernel counts it.
enum AcknowledgedBytes {
    /// The beginning of the kernel's `struct tcp_info` up to `tcpi_bytes_acked`: 8 bytes of flags, 24 fields of 4 bytes,
    /// two rates, and the count. The C library's own declaration ends before it.
    private struct Beginning: Sendable {
        typealias Four = (UInt64, UInt64, UInt64, UInt64)
        var fields: (Four, Four, Four, UInt64) = ((0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0), 0)
        var rates: (UInt64, UInt64) = (0, 0)
        var acknowledged: UInt64 = 0
    }

    /// The number of bytes, of TLS records where there is TLS, since the connection was made.
    ///
    /// Fails on a channel that is no TCP connection or no stream of one. The future is complete on the channel's event
    /// loop.
    static func read(of channel: any Channel) -> EventLoopFuture<UInt64> {
        guard let socket = (channel.parent ?? channel) as? any SocketOptionProvider else {
            return channel.eventLoop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        let beginning: EventLoopFuture<Beginning> = socket.unsafeGetSocketOption(level: .tcp, name: .tcp_info)
        return beginning.map(\.acknowledged)
    }
}
