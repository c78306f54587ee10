public import Foundation

/// Decides at the handshake and at every RPC whether a participant with a good certificate may come in.
///
/// Called often and on any thread: implementations answer from memory.
public protocol PeerAdmission: Sendable {
    /// Nil to admit, otherwise the reason for the refusal, logged as `revoked`.
    ///
    /// - Parameters:
    ///   - identity: who the certificate names.
    ///   - serial: its serial number in lower-case hexadecimal.
    ///   - notBefore: first instant of its validity.
    func refusalReason(identity: ParticipantIdentity, serial: String, notBefore: Date) -> String?
}

/// Admits everyone with a good certificate: for tools and tests without a revocation list.
public struct AdmitAll: PeerAdmission {
    /// Admits everyone.
    public init() {}

    /// Always nil.
    public func refusalReason(identity: ParticipantIdentity, serial: String, notBefore: Date) -> String? { nil }
}
