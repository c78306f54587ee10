public import Foundation
public import GRPCCore
public import X509

/// The verified peer of an RPC. ``RoleInterceptor`` puts it into `context.transportSpecific`; tests without a network
/// may do the same.
public struct PeerIdentity: ServerContext.TransportSpecific, Hashable {
    /// Who the certificate names.
    public var identity: ParticipantIdentity
    /// The certificate's serial number in lower-case hexadecimal.
    public var serial: String
    /// First instant of the certificate's validity.
    public var notBefore: Date
    /// Last instant of the certificate's validity.
    public var notAfter: Date
    /// The certificate itself, as TLS verified it; nil from a transport without one.
    public var certificate: Certificate?

    /// A peer.
    public init(
        identity: ParticipantIdentity, serial: String, notBefore: Date, notAfter: Date, certificate: Certificate? = nil
    ) {
        self.identity = identity
        self.serial = serial
        self.notBefore = notBefore
        self.notAfter = notAfter
        self.certificate = certificate
    }

    /// Whole days until the certificate ends, negative when it ended.
    public func daysLeft(at now: Date = Date()) -> Int {
        CertificateSummary.daysLeft(until: notAfter, at: now)
    }
}

extension ServerContext {
    /// The verified peer, once a ``RoleInterceptor`` let the RPC through.
    public var peer: PeerIdentity? { transportSpecific as? PeerIdentity }
}
