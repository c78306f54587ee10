public import GRPCNIOTransportHTTP2Posix
public import Logging
internal import NIOCore
internal import NIOSSL
internal import SwiftASN1
internal import X509

/// TLS for both ends of the federation: each side proves who it is, and each refusal is reported with its cause.
///
/// TLS 1.2 or later, the federation's CA as the only root, ALPN required on the server.
public enum MutualTLS {
    /// TLS of a coordinator that knows its connections.
    ///
    /// - Parameters:
    ///   - material: the coordinator's certificate and key.
    ///   - admission: asked at each handshake, after the certificate proved good.
    ///   - connections: gets the verified peers and the refusals; also ``PeerConnections/install(in:)`` it in the
    ///     transport's configuration.
    public static func serverSecurity(
        material: IdentityMaterial,
        admission: any PeerAdmission,
        connections: PeerConnections
    ) -> HTTP2ServerTransport.Posix.TransportSecurity {
        let verifier = PeerVerifier(clientsOf: material, admission: admission)
        return .mTLS(
            certificateChain: [.bytes(material.certificatePEM, format: .pem)],
            privateKey: .bytes(material.keyPEM, format: .pem)
        ) { tls in
            tls.trustRoots = .certificates([.bytes(material.authorityPEM, format: .pem)])
            tls.clientCertificateVerification = .noHostnameVerification
            tls.requireALPN = true
            tls.customVerificationCallback = { certificates, promise in
                // Called while the event loop handles this connection's bytes.
                let connection = connections.current(on: promise.futureResult.eventLoop)
                connection?.beginVerification()
                verify(certificates, with: verifier, promise: promise) { result in
                    switch result {
                    case .success(let peer): _ = connection?.decide(peer)
                    case .failure(let refusal): connections.refuse(refusal, on: connection)
                    }
                }
            }
        }
    }

    /// TLS of a server that does not follow its connections: refused certificates are logged without an address,
    /// missing ones are not logged.
    public static func serverSecurity(
        material: IdentityMaterial,
        admission: any PeerAdmission,
        logger: Logger
    ) -> HTTP2ServerTransport.Posix.TransportSecurity {
        let connections = PeerConnections(reporter: RefusalReporter(logger: logger))
        return serverSecurity(material: material, admission: admission, connections: connections)
    }

    /// TLS of a client or operator.
    ///
    /// - Parameters:
    ///   - material: the participant's certificate and key.
    ///   - serverName: the DNS name or IP address that the coordinator's certificate must carry: the configured
    ///     `serverName`, otherwise the configured host. Independent of the transport's SNI and authority.
    ///   - reporter: gets each refusal of a server, with `serverName` as its address.
    public static func clientSecurity(
        material: IdentityMaterial,
        serverName: String,
        reporter: RefusalReporter
    ) throws -> HTTP2ClientTransport.Posix.TransportSecurity {
        let verifier = try PeerVerifier(coordinatorOf: material, serverName: serverName)
        return .mTLS(
            certificateChain: [.bytes(material.certificatePEM, format: .pem)],
            privateKey: .bytes(material.keyPEM, format: .pem)
        ) { tls in
            tls.trustRoots = .certificates([.bytes(material.authorityPEM, format: .pem)])
            // The verifier checks the name: the transport would only compare it with its SNI.
            tls.serverCertificateVerification = .noHostnameVerification
            tls.customVerificationCallback = { certificates, promise in
                verify(certificates, with: verifier, promise: promise) { result in
                    guard case .failure(var refusal) = result else { return }
                    refusal.address = serverName
                    reporter.report(refusal)
                }
            }
        }
    }

    /// TLS of a client or operator; refusals of a server go to `logger`.
    public static func clientSecurity(
        material: IdentityMaterial,
        serverName: String,
        logger: Logger
    ) throws -> HTTP2ClientTransport.Posix.TransportSecurity {
        try clientSecurity(material: material, serverName: serverName, reporter: RefusalReporter(logger: logger))
    }

    private static func verify(
        _ certificates: [NIOSSLCertificate],
        with verifier: PeerVerifier,
        promise: EventLoopPromise<NIOSSLVerificationResultWithMetadata>,
        decided: @escaping @Sendable (Result<PeerIdentity, PeerRefusal>) -> Void
    ) {
        // Verification of a chain is asynchronous and TLS waits for this promise: the task ends with it.
        promise.completeWithTask {
            guard let presented = certificates.first else {
                decided(.failure(PeerRefusal(.noCertificate, "the peer presented no certificate")))
                return .failed
            }
            guard let bytes = try? presented.toDERBytes(), let leaf = try? Certificate(derEncoded: bytes) else {
                decided(.failure(PeerRefusal(.malformed, "the certificate cannot be read")))
                return .failed
            }
            let result = await verifier.verify(leaf)
            decided(result)
            guard case .success = result else { return .failed }
            return .certificateVerified(VerificationMetadata(NIOSSL.ValidatedCertificateChain([presented])))
        }
    }
}
