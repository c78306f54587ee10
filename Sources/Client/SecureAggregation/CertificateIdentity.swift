import Identity
import Privacy
import Synchronization
import Wire
import X509

/// Who the clients of a round are, by the certificates of their federation: signs with this client's own key, and believes a
/// signature only of a certificate that the federation's CA signed, that is valid now, and that names the client.
///
/// The coordinator passes certificates on and can change or leave out what it likes; it cannot make one.
final class CertificateIdentity: SecureIdentity {
    private let signer: ParticipantSigner
    private let verifier: PeerVerifier
    private let known = Mutex([String: Certificate]())

    /// The identity of this client.
    ///
    /// - Throws: `IdentityError` when the key cannot be used.
    init(_ material: IdentityMaterial) throws {
        signer = try ParticipantSigner(material)
        verifier = PeerVerifier(peersOf: material)
    }

    func sign(_ digest: [UInt8]) throws -> [UInt8] { try signer.sign(digest) }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        guard let certificate = known.withLock({ $0[client] }) else { return false }
        return ParticipantSignature.isValid(signature, of: digest, by: certificate)
    }

    /// Checks the certificates of a round's clients and remembers them.
    ///
    /// - Throws: `PrivacyError` `protocolViolation` for one that is not good, or is another participant's.
    func learn(_ roster: [CertifiedKeys]) async throws {
        var certificates: [String: Certificate] = [:]
        for entry in roster {
            let client = entry.keys.client
            func violation(_ what: String) -> PrivacyError {
                PrivacyError(.protocolViolation, "secure aggregation: the certificate of '\(client)': \(what)")
            }
            guard let certificate = try? Certificate(participantDER: entry.certificate) else {
                throw violation("cannot be read")
            }
            switch await verifier.verify(certificate) {
            case .failure(let refusal): throw violation(refusal.message)
            case .success(let peer):
                guard peer.identity.name == client else { throw violation("is that of '\(peer.identity.name)'") }
            }
            certificates[client] = certificate
        }
        known.withLock { $0 = certificates }
    }
}
