public import GRPCCore
public import GRPCNIOTransportHTTP2Posix
public import NIOCore
internal import NIOSSL
internal import Synchronization

/// The live connections of a server: knows who is at the other end of each, reports those that fail, and closes those
/// of a revoked participant.
///
/// Hand the same instance to ``MutualTLS/serverSecurity(material:admission:connections:)`` and to ``install(in:)``. A
/// connection whose peer was not verified in its own handshake never gets a byte through to gRPC.
public final class PeerConnections: Sendable {
    /// How long a peer may take for its handshake.
    static let handshakeLimit = TimeAmount.seconds(10)

    private struct State {
        var live: [ObjectIdentifier: PeerConnection] = [:]
        /// By the address as the transport gives it to calls.
        var byAddress: [String: PeerConnection] = [:]
        /// The connection whose bytes an event loop is handling now.
        var current: [ObjectIdentifier: PeerConnection] = [:]
    }

    /// Where refusals go.
    public let reporter: RefusalReporter
    private let state = Mutex(State())

    /// No connections yet.
    public init(reporter: RefusalReporter) {
        self.reporter = reporter
    }

    /// Makes a server transport tell this instance about its connections.
    public func install(in config: inout HTTP2ServerTransport.Posix.Config) {
        let previous = config.channelDebuggingCallbacks.onAcceptTCPConnection
        config.channelDebuggingCallbacks.onAcceptTCPConnection = { [self] channel in
            let watched = channel.eventLoop.makeCompletedFuture { try watch(channel) }
            guard let previous else { return watched }
            return watched.flatMap { previous(channel) }
        }
    }

    /// Closes the live connections of a participant at once, with all their streams. Returns how many there were.
    @discardableResult
    public func close(_ identity: ParticipantIdentity) -> Int {
        let connections = state.withLock { state in
            state.live.values.filter { $0.peer?.identity == identity }
        }
        for connection in connections { connection.channel.close(promise: nil) }
        return connections.count
    }

    /// How many verified connections a participant has now.
    public func count(of identity: ParticipantIdentity) -> Int {
        state.withLock { $0.live.values.count { $0.peer?.identity == identity } }
    }

    /// How many connections there are, verified or not.
    public var count: Int { state.withLock { $0.live.count } }

    /// The event loop of the connection that a call came over; nil when the connection is gone.
    public func eventLoop(of context: ServerContext) -> (any EventLoop)? {
        state.withLock { $0.byAddress[context.remotePeer] }?.channel.eventLoop
    }

    func enter(_ connection: PeerConnection, on eventLoop: any EventLoop) {
        state.withLock { $0.current[ObjectIdentifier(eventLoop)] = connection }
    }

    func leave(_ eventLoop: any EventLoop) {
        _ = state.withLock { $0.current.removeValue(forKey: ObjectIdentifier(eventLoop)) }
    }

    /// The connection whose bytes the event loop is handling; for the verification callback, which is told no channel.
    func current(on eventLoop: any EventLoop) -> PeerConnection? {
        state.withLock { $0.current[ObjectIdentifier(eventLoop)] }
    }

    func remove(_ connection: PeerConnection) {
        state.withLock { state in
            state.live[ObjectIdentifier(connection)] = nil
            // The port may be another connection's by now.
            let address = connection.transportAddress
            if state.byAddress[address] === connection { state.byAddress[address] = nil }
        }
    }

    /// Reports the refusal of a connection's peer, once a connection.
    func refuse(_ refusal: PeerRefusal, on connection: PeerConnection?) {
        if let connection {
            guard connection.decide(nil) else { return }
            var refusal = refusal
            refusal.address = refusal.address ?? connection.address
            reporter.report(refusal)
        } else {
            reporter.report(refusal)
        }
    }

    private func watch(_ channel: any Channel) throws {
        let connection = PeerConnection(channel: channel)
        let pipeline = channel.pipeline.syncOperations
        let tls = try pipeline.handler(type: NIOSSLServerHandler.self)
        try pipeline.addHandler(HandshakeMarker(connection, connections: self), position: .before(tls))
        try pipeline.addHandler(ConnectionWatcher(connection, connections: self), position: .after(tls))
        state.withLock { state in
            state.live[ObjectIdentifier(connection)] = connection
            state.byAddress[connection.transportAddress] = connection
        }
    }
}

/// One accepted connection.
final class PeerConnection: Sendable {
    private struct State {
        var isVerifying = false
        var isDecided = false
        var peer: PeerIdentity?
    }

    let channel: any Channel
    let address: String
    /// The address as calls have it in `remotePeer`.
    let transportAddress: String
    private let state = Mutex(State())

    init(channel: any Channel) {
        self.channel = channel
        address =
            channel.remoteAddress.map { address in
                "\(address.ipAddress ?? address.pathname ?? "unknown")\(address.port.map { ":\($0)" } ?? "")"
            } ?? "unknown"
        transportAddress =
            switch channel.remoteAddress {
            case .v4(let address)?: "ipv4:\(address.host):\(channel.remoteAddress?.port ?? 0)"
            case .v6(let address)?: "ipv6:[\(address.host)]:\(channel.remoteAddress?.port ?? 0)"
            default: "unknown"
            }
    }

    /// The peer, once verified.
    var peer: PeerIdentity? { state.withLock { $0.peer } }

    var isVerifying: Bool { state.withLock { $0.isVerifying } }

    func beginVerification() {
        state.withLock { $0.isVerifying = true }
    }

    /// Settles who the peer is, or that it is refused (nil). Returns false when it was settled before.
    func decide(_ peer: PeerIdentity?) -> Bool {
        state.withLock { state in
            guard !state.isDecided else { return false }
            state.isDecided = true
            state.peer = peer
            return true
        }
    }
}
