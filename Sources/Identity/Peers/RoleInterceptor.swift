public import GRPCCore
internal import GRPCNIOTransportHTTP2Posix

/// Lets an RPC through to its handler only for a peer whose role may call that service.
///
/// For each RPC it takes the peer's certificate from the transport, repeats every check but the signature (dates,
/// federation, usage, revocation may have changed since the handshake), requires one of the roles of the service, and
/// puts a ``PeerIdentity`` in `context.transportSpecific`. Everything else ends with "permission denied" before a
/// handler runs, is logged and audited. A service without an entry is closed to all.
public struct RoleInterceptor: ServerInterceptor {
    private let roles: [String: Set<Role>]
    private let verifier: PeerVerifier
    private let admission: any PeerAdmission
    private let reporter: RefusalReporter

    /// An interceptor.
    ///
    /// - Parameters:
    ///   - roles: who may call a service, by its full name (`tributary.v1.Federation`).
    ///   - material: the coordinator's material: its CA and federation are those of its peers.
    ///   - admission: asked at each RPC.
    ///   - reporter: gets each refusal.
    public init(
        roles: [String: Set<Role>],
        material: IdentityMaterial,
        admission: any PeerAdmission,
        reporter: RefusalReporter
    ) {
        self.init(
            roles: roles,
            verifier: PeerVerifier(clientsOf: material, admission: admission),
            admission: admission,
            reporter: reporter
        )
    }

    /// An interceptor with a verifier of its own: for tests and for transports that provide a ``PeerIdentity``
    /// themselves.
    public init(
        roles: [String: Set<Role>],
        verifier: PeerVerifier,
        admission: any PeerAdmission,
        reporter: RefusalReporter
    ) {
        self.roles = roles
        self.verifier = verifier
        self.admission = admission
        self.reporter = reporter
    }

    /// Refuses, or goes on with the peer in the context.
    public func intercept<Input: Sendable, Output: Sendable>(
        request: StreamingServerRequest<Input>,
        context: ServerContext,
        next:
            @concurrent @Sendable (StreamingServerRequest<Input>, ServerContext) async throws ->
            StreamingServerResponse<Output>
    ) async throws -> StreamingServerResponse<Output> {
        switch authorise(context) {
        case .success(let peer):
            var context = context
            context.transportSpecific = peer
            return try await next(request, context)
        case .failure(var refusal):
            refusal.address = Self.address(of: context)
            reporter.report(refusal)
            throw RPCError(code: .permissionDenied, message: refusal.description)
        }
    }

    private func authorise(_ context: ServerContext) -> Result<PeerIdentity, PeerRefusal> {
        let peer: PeerIdentity
        switch context.transportSpecific {
        case let known as PeerIdentity:
            if let reason = admission.refusalReason(
                identity: known.identity, serial: known.serial, notBefore: known.notBefore
            ) {
                return .failure(PeerRefusal(.revoked, reason, identity: known.identity, serial: known.serial))
            }
            peer = known
        case let transport as HTTP2ServerTransport.Posix.Context:
            guard let certificate = transport.peerCertificate else {
                return .failure(PeerRefusal(.noCertificate, "the connection carries no client certificate"))
            }
            switch verifier.assess(certificate) {
            case .success(var assessed):
                assessed.certificate = certificate
                peer = assessed
            case .failure(let refusal): return .failure(refusal)
            }
        default:
            return .failure(PeerRefusal(.noCertificate, "the transport names no peer"))
        }
        let service = context.descriptor.service.fullyQualifiedService
        let allowed = roles[service] ?? []
        guard allowed.contains(peer.identity.role) else {
            let expected = allowed.map(\.rawValue).sorted().joined(separator: " or ")
            let message =
                "\(context.descriptor.fullyQualifiedMethod) is for \(expected.isEmpty ? "nobody" : expected), "
                + "not for a \(peer.identity.role)"
            return .failure(PeerRefusal(.wrongRole, message, identity: peer.identity, serial: peer.serial))
        }
        return .success(peer)
    }

    /// `127.0.0.1:4711` from the transport's `ipv4:127.0.0.1:4711`.
    private static func address(of context: ServerContext) -> String {
        for prefix in ["ipv4:", "ipv6:"] where context.remotePeer.hasPrefix(prefix) {
            return String(context.remotePeer.dropFirst(prefix.count))
        }
        return context.remotePeer
    }
}
