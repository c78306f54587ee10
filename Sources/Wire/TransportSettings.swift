public import GRPCCore
public import GRPCNIOTransportHTTP2Posix
internal import NIOCore

/// How both ends set up HTTP/2. Each value holds on the coordinator and on every client and operator.
///
/// Measured on two cores over loopback with mTLS and 1 MiB chunks: the defaults move 82 MB/s, a window of 4 MiB with
/// frames of 1 MiB 1.2 GB/s. An upload that nobody reads may hold a window and some messages in the server, which is
/// why the number of transfers at once is limited by grants.
public enum TransportSettings {
    /// The flow-control window of a stream and of a connection.
    public static let windowBytes = 4 << 20
    /// The largest HTTP/2 frame.
    public static let frameBytes = 1 << 20
    /// The most streams of one connection: a session, its transfers and a few calls.
    public static let streamsPerConnection = 8
    /// How often a client pings an idle connection.
    public static let clientPing: Duration = .seconds(60)
    /// Pings closer together than this end the connection.
    public static let leastPingInterval: Duration = .seconds(30)
    /// How long either side waits for the answer to a ping before it gives the connection up. On the way the answer stands
    /// behind a whole window of chunks, which takes so long on a line of 300 kbit/s; sessions have heartbeats besides.
    public static let pingTimeout: Duration = .seconds(120)
    /// The first wait before a connection is tried again; later ones grow to ``longestBackoff``.
    public static let firstBackoff: Duration = .milliseconds(250)
    /// The longest wait before a connection is tried again.
    public static let longestBackoff: Duration = .seconds(30)

    /// The coordinator's side.
    public static func serverConfiguration() -> HTTP2ServerTransport.Posix.Config {
        .defaults { configuration in
            configuration.http2.targetWindowSize = windowBytes
            configuration.http2.maxFrameSize = frameBytes
            configuration.http2.maxConcurrentStreams = streamsPerConnection
            configuration.rpc.maxRequestPayloadSize = WireLimits.messageBytes
            configuration.connection.keepalive.time = clientPing
            configuration.connection.keepalive.timeout = pingTimeout
            configuration.connection.keepalive.clientBehavior.minPingIntervalWithoutCalls = leastPingInterval
            configuration.connection.keepalive.clientBehavior.allowWithoutCalls = true
            // Rounds are latency-bound and chunks fill a flush by themselves.
            configuration.connection.flushCoalescing = nil
            configuration.channelDebuggingCallbacks.onAcceptTCPConnection = boundBuffers
            configuration.channelDebuggingCallbacks.onAcceptHTTP2Stream = { channel in
                channel.eventLoop.makeCompletedFuture { try StuckCalls.install(in: channel) }
            }
        }
    }

    /// The side of clients and operators.
    ///
    /// - Parameter authority: the server name to ask for. It is not what proves the server's identity: the certificate is
    ///   checked against the configured name or address elsewhere. TLS has no place for an IP address here, so one is
    ///   replaced by a name.
    public static func clientConfiguration(authority: String? = nil) -> HTTP2ClientTransport.Posix.Config {
        let isAddress = authority?.contains(":") == true || authority?.allSatisfy { $0.isNumber || $0 == "." } == true
        let authority = isAddress ? "coordinator" : authority
        return .defaults { configuration in
            configuration.http2.targetWindowSize = windowBytes
            configuration.http2.maxFrameSize = frameBytes
            configuration.http2.authority = authority
            configuration.connection.maxIdleTime = nil
            configuration.connection.keepalive = .init(
                time: clientPing, timeout: pingTimeout, allowWithoutCalls: true)
            configuration.connection.flushCoalescing = nil
            configuration.channelDebuggingCallbacks.onCreateTCPConnection = boundBuffers
            configuration.backoff = .init(initial: firstBackoff, max: longestBackoff, multiplier: 1.6, jitter: 0.3)
        }
    }

    /// How often a connection is read before what came is handled. TLS keeps, for every connection, a buffer of the most
    /// that ever came at once, and a read takes up to 64 KiB.
    private static let readsAtOnce: UInt = 2

    private static let boundBuffers: @Sendable (any Channel) -> EventLoopFuture<Void> = { channel in
        channel.eventLoop.makeCompletedFuture {
            try BoundedWrites.install(in: channel)
            try channel.syncOptions?.setOption(ChannelOptions.maxMessagesPerRead, value: readsAtOnce)
        }
    }

    /// The message limits of every call of a client: pass it as `serviceConfig` of the client transport.
    ///
    /// The transport reads the cap of what it receives from `maxRequestMessageBytes`, so both fields are set. There is
    /// no retry policy: it would buffer what was sent, and uploads resume by offset.
    public static func serviceConfiguration() -> ServiceConfig {
        ServiceConfig(methodConfig: [
            MethodConfig(
                names: [MethodConfig.Name(service: "")],
                maxRequestMessageBytes: WireLimits.messageBytes,
                maxResponseMessageBytes: WireLimits.messageBytes
            ),
            MethodConfig(
                names: [MethodConfig.Name(service: "tributary.v1.Operations")],
                maxRequestMessageBytes: WireLimits.operatorMessageBytes,
                maxResponseMessageBytes: WireLimits.operatorMessageBytes
            ),
        ])
    }

    /// The message limits as options of one call, for transports that take no service configuration.
    public static func callOptions() -> CallOptions {
        var options = CallOptions.defaults
        options.maxRequestMessageBytes = WireLimits.messageBytes
        options.maxResponseMessageBytes = WireLimits.messageBytes
        return options
    }
}
