/// Why a peer was not let in. Logged once, written to the audit log, and never silently dropped.
public struct PeerRefusal: Error, Sendable, CustomStringConvertible {
    /// The cause; the raw values are stable and stand in logs.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The peer presented no certificate, or resumed an earlier TLS session instead of presenting one.
        case noCertificate = "no-certificate"
        /// The certificate is not signed by the federation's CA.
        case unknownCA = "unknown-ca"
        /// The certificate's (or the CA's) validity ended.
        case expired
        /// The certificate's (or the CA's) validity has not begun.
        case notYetValid = "not-yet-valid"
        /// The participant is revoked, or the certificate was issued before a revocation.
        case revoked
        /// The extended key usage does not allow this side of a connection.
        case wrongUsage = "wrong-usage"
        /// The participant's role may not do this.
        case wrongRole = "wrong-role"
        /// The certificate is of another federation.
        case wrongFederation = "wrong-federation"
        /// The server's certificate does not name the host that was asked for.
        case wrongServerName = "wrong-server-name"
        /// The certificate cannot be read, or names no participant.
        case malformed
        /// The TLS handshake failed for another reason: not TLS at all, an alert from the peer, a closed connection.
        case handshakeFailed = "handshake-failed"
    }

    /// The cause.
    public var code: Code
    /// A sentence with what was found and what was expected.
    public var message: String
    /// Who the certificate says the peer is; unproven for `unknownCA`.
    public var identity: ParticipantIdentity?
    /// The certificate's serial number in lower-case hexadecimal.
    public var serial: String?
    /// The peer's address, where known.
    public var address: String?

    /// A refusal.
    public init(
        _ code: Code,
        _ message: String,
        identity: ParticipantIdentity? = nil,
        serial: String? = nil,
        address: String? = nil
    ) {
        self.code = code
        self.message = message
        self.identity = identity
        self.serial = serial
        self.address = address
    }

    /// The code and the sentence.
    public var description: String { "\(code.rawValue): \(message)" }
}
