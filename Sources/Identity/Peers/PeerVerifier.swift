public import Foundation
internal import SwiftASN1
public import X509

/// Everything that decides whether a certificate is that of an admissible peer.
///
/// The checks, in the order in which a cause is reported: signed by the federation's CA, dates, identity URI,
/// federation, role, extended key usage, server name, revocation; then RFC 5280's remaining rules. TLS itself proves
/// that the peer holds the key.
public struct PeerVerifier: Sendable {
    private let authority: Certificate
    private let federation: String
    private let roles: Set<Role>
    private let usage: PeerUsage
    private let serverName: HostNameExpectation
    private let admission: any PeerAdmission

    private enum HostNameExpectation: Sendable {
        case any
        case one(HostName)
    }

    /// A verifier of clients and operators, for the coordinator.
    public init(clientsOf material: IdentityMaterial, admission: any PeerAdmission) {
        self.init(
            authority: material.authority, federation: material.identity.federation, admission: admission
        )
    }

    /// A verifier of clients and operators under a root.
    public init(authority: Certificate, federation: String, admission: any PeerAdmission) {
        self.authority = authority
        self.federation = federation
        roles = [.client, .operator]
        usage = .client
        serverName = .any
        self.admission = admission
    }

    /// A verifier of the coordinator, for clients and operators.
    ///
    /// - Parameter serverName: the DNS name or IP address that the certificate must carry.
    public init(coordinatorOf material: IdentityMaterial, serverName: String) throws {
        authority = material.authority
        federation = material.identity.federation
        roles = [.coordinator]
        usage = .server
        self.serverName = .one(try HostName(serverName))
        admission = AdmitAll()
    }

    /// A verifier of other clients' certificates, for a client to which the coordinator passes them on.
    public init(peersOf material: IdentityMaterial) {
        authority = material.authority
        federation = material.identity.federation
        roles = [.client]
        usage = .client
        serverName = .any
        admission = AdmitAll()
    }

    /// The peer of a handshake, or why it is refused.
    public func verify(_ leaf: Certificate, at now: Date = Date()) async -> Result<PeerIdentity, PeerRefusal> {
        guard leaf.issuer == authority.subject, authority.publicKey.isValidSignature(leaf.signature, for: leaf) else {
            return .failure(
                refusal(
                    .unknownCA, "the certificate is not signed by the federation's CA (issuer \(leaf.issuer))", leaf)
            )
        }
        let assessment = assess(leaf, at: now)
        guard case .success = assessment else { return assessment }
        var verifier = Verifier(rootCertificates: CertificateStore([authority])) {
            RFC5280Policy()
            CheckedExtensions()
        }
        switch await verifier.validate(leaf: leaf, intermediates: CertificateStore()) {
        case .validCertificate:
            return assessment
        case .couldNotValidate(let failures):
            let reasons = failures.map { "\($0.policyFailureReason)" }.joined(separator: "; ")
            return .failure(
                refusal(
                    .malformed, reasons.isEmpty ? "the certificate has an unknown critical extension" : reasons, leaf)
            )
        }
    }

    /// All checks but the signature: for a certificate that TLS verified before, at each of its RPCs.
    public func assess(_ leaf: Certificate, at now: Date = Date()) -> Result<PeerIdentity, PeerRefusal> {
        for (certificate, owner) in [(leaf, "certificate"), (authority, "CA certificate")] {
            if now < certificate.notValidBefore {
                let message = "the \(owner) is not valid before \(Timestamp.text(certificate.notValidBefore))"
                return .failure(refusal(.notYetValid, message, leaf))
            }
            if now > certificate.notValidAfter {
                return .failure(
                    refusal(.expired, "the \(owner) ended on \(Timestamp.text(certificate.notValidAfter))", leaf)
                )
            }
        }
        let identity: ParticipantIdentity
        do {
            identity = try leaf.participantIdentity()
        } catch {
            return .failure(refusal(.malformed, "\(error)", leaf))
        }
        guard identity.federation == federation else {
            let message = "the certificate is of the federation \"\(identity.federation)\", expected \"\(federation)\""
            return .failure(refusal(.wrongFederation, message, leaf))
        }
        guard roles.contains(identity.role) else {
            let expected = roles.map(\.rawValue).sorted().joined(separator: " or ")
            return .failure(
                refusal(.wrongRole, "the certificate is that of a \(identity.role), expected \(expected)", leaf))
        }
        guard usage.isAllowed(by: leaf) else {
            let found = CertificateSummary(leaf).usages.joined(separator: ", ")
            let message = "extended key usage \(usage) is required, found \(found.isEmpty ? "none" : found)"
            return .failure(refusal(.wrongUsage, message, leaf))
        }
        if case .one(let name) = serverName {
            let names = (try? leaf.hostNames()) ?? []
            guard names.contains(name) else {
                let found = names.map(\.text).joined(separator: ", ")
                return .failure(
                    refusal(
                        .wrongServerName, "the certificate is for \(found), the configuration says \(name.text)", leaf)
                )
            }
        }
        let serial = leaf.serialText
        if let reason = admission.refusalReason(identity: identity, serial: serial, notBefore: leaf.notValidBefore) {
            return .failure(refusal(.revoked, reason, leaf))
        }
        return .success(
            PeerIdentity(
                identity: identity, serial: serial, notBefore: leaf.notValidBefore, notAfter: leaf.notValidAfter
            )
        )
    }

    private func refusal(_ code: PeerRefusal.Code, _ message: String, _ leaf: Certificate) -> PeerRefusal {
        PeerRefusal(code, message, identity: try? leaf.participantIdentity(), serial: leaf.serialText)
    }
}

/// Says that the extensions which ``PeerVerifier`` checks itself may be critical.
private struct CheckedExtensions: VerifierPolicy {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
        .X509ExtensionID.extendedKeyUsage, .X509ExtensionID.subjectAlternativeName,
    ]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        .meetsPolicy
    }
}
