internal import NIOCore
internal import NIOSSL

/// Stands before TLS until verification has begun, and marks the connection whose bytes its event loop is handling,
/// so that the verification callback can tell whose certificate it sees.
final class HandshakeMarker: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: PeerConnection
    private let connections: PeerConnections

    init(_ connection: PeerConnection, connections: PeerConnections) {
        self.connection = connection
        self.connections = connections
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        connections.enter(connection, on: context.eventLoop)
        context.fireChannelRead(data)
        connections.leave(context.eventLoop)
        if connection.isVerifying {
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }
}

/// Stands behind TLS: reports handshakes that fail, ends those that take too long, and lets nothing through from a
/// peer that this connection's own handshake did not verify (a resumed session, for one).
final class ConnectionWatcher: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let connection: PeerConnection
    private let connections: PeerConnections
    private var isAdmitted = false
    private var timeout: Scheduled<Void>?

    init(_ connection: PeerConnection, connections: PeerConnections) {
        self.connection = connection
        self.connections = connections
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let channel = context.channel
        timeout = context.eventLoop.scheduleTask(in: PeerConnections.handshakeLimit) { [connection, connections] in
            guard connection.peer == nil else { return }
            let seconds = PeerConnections.handshakeLimit.nanoseconds / 1_000_000_000
            connections.refuse(
                PeerRefusal(.handshakeFailed, "no finished handshake within \(seconds) s"), on: connection
            )
            channel.close(promise: nil)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if !isAdmitted {
            guard connection.peer != nil else {
                connections.refuse(
                    PeerRefusal(.noCertificate, "the peer resumed an earlier TLS session and showed no certificate"),
                    on: connection
                )
                context.close(promise: nil)
                return
            }
            isAdmitted = true
            timeout?.cancel()
            timeout = nil
        }
        context.fireChannelRead(data)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if connection.peer == nil {
            connections.refuse(Self.refusal(for: error), on: connection)
        }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        timeout?.cancel()
        timeout = nil
        connections.remove(connection)
        context.fireChannelInactive()
    }

    static func refusal(for error: any Error) -> PeerRefusal {
        let text = "\(error)"
        if text.contains("PEER_DID_NOT_RETURN_A_CERTIFICATE") {
            return PeerRefusal(.noCertificate, "the peer presented no certificate")
        }
        return PeerRefusal(.handshakeFailed, "the TLS handshake failed: \(HandshakeFailure.explanation(text) ?? text)")
    }
}
