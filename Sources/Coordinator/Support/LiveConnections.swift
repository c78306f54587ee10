internal import GRPCCore
internal import Identity
internal import Synchronization
internal import Wire

/// The connections of the server, once there is one: tests without a network have none.
final class LiveConnections: Sendable {
    private let connections = Mutex<PeerConnections?>(nil)

    /// Set once before calls come in.
    func use(_ connections: PeerConnections) {
        self.connections.withLock { $0 = connections }
    }

    /// Closes the connections of a participant, where there are any.
    func close(_ identity: ParticipantIdentity) {
        connections.withLock { $0 }?.close(identity)
    }

    /// The pace at which a call may be answered.
    func pace(of context: ServerContext) -> WritePace {
        WritePace(connections.withLock { $0 }?.eventLoop(of: context))
    }
}
