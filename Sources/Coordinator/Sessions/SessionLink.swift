internal import GRPCCore
internal import Identity
internal import Synchronization
internal import WireMessages

/// Why the coordinator ends a session.
enum SessionEnd: Sendable, Hashable {
    /// The client connected again.
    case replaced
    /// The client's certificate was revoked.
    case revoked(reason: String)
    /// Nothing was heard for too long.
    case silent(Duration)
    /// The client does not read what it is sent.
    case overflow
    /// The coordinator shuts down.
    case shutdown
    /// The client said goodbye or closed its stream.
    case left(reason: String)

    /// For logs and the audit log.
    var reason: String {
        switch self {
        case .replaced: "the client opened another session"
        case .revoked(let reason): "revoked: \(reason)"
        case .silent(let duration): "nothing heard for \(duration.components.seconds) s"
        case .overflow: "the client does not read its messages"
        case .shutdown: "the coordinator shuts down"
        case .left(let reason): reason
        }
    }

    /// How the call ends; nil for a regular end.
    var error: RPCError? {
        switch self {
        case .replaced: RPCError(code: .aborted, message: reason)
        case .revoked: RPCError(code: .permissionDenied, message: reason)
        case .silent: RPCError(code: .deadlineExceeded, message: reason)
        case .overflow: RPCError(code: .resourceExhausted, message: reason)
        case .shutdown, .left: nil
        }
    }
}

/// The coordinator's end of one session: what goes out to the client, when it was last heard, and why it ended.
///
/// Messages wait in a bounded queue; a client that lets it fill up loses its session.
final class SessionLink: Sendable {
    /// How many messages may wait.
    static let capacity = 256

    private struct State {
        var end: SessionEnd?
        var lastHeard = ContinuousClock.now
        var isOpened = false
    }

    let client: String
    let peer: PeerIdentity
    /// What goes out, in order. For one reader.
    let outgoing: AsyncStream<Tributary_V1_CoordinatorMessage>
    /// Ends when the session is to end.
    let ended: AsyncStream<Never>
    private let outbox: AsyncStream<Tributary_V1_CoordinatorMessage>.Continuation
    private let ending: AsyncStream<Never>.Continuation
    private let state = Mutex(State())

    init(peer: PeerIdentity) {
        client = peer.identity.name
        self.peer = peer
        (outgoing, outbox) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(Self.capacity))
        (ended, ending) = AsyncStream.makeStream()
    }

    /// Why the session ended; nil while it lasts.
    var end: SessionEnd? { state.withLock { $0.end } }

    /// When the client was last heard.
    var lastHeard: ContinuousClock.Instant { state.withLock { $0.lastHeard } }

    /// Whether the hello was taken and noted.
    var isOpened: Bool { state.withLock { $0.isOpened } }

    /// The hello was taken and noted.
    func opened() {
        state.withLock { $0.isOpened = true }
    }

    /// Notes a sign of life.
    func heard() {
        state.withLock { $0.lastHeard = .now }
    }

    /// Queues a message. Returns false when the session is over.
    @discardableResult
    func send(_ message: Tributary_V1_CoordinatorMessage.OneOf_Message) -> Bool {
        var outgoing = Tributary_V1_CoordinatorMessage()
        outgoing.message = message
        switch outbox.yield(outgoing) {
        case .enqueued: return true
        case .dropped:
            finish(.overflow)
            return false
        default: return false
        }
    }

    /// Ends the session for the first reason given; what waits is still sent.
    func finish(_ end: SessionEnd) {
        let isFirst = state.withLock { state in
            guard state.end == nil else { return false }
            state.end = end
            return true
        }
        guard isFirst else { return }
        outbox.finish()
        ending.finish()
    }
}
