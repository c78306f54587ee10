internal import X509

extension IdentityMaterial {
    /// A key and certificate that only this process has: for load tests, which speak for thousands of participants.
    package static func issued(
        _ identity: ParticipantIdentity, by authority: CertificateAuthority, validDays: Int = 2
    ) throws -> IdentityMaterial {
        let key = CertificateAuthority.makeKey()
        let certificate = try authority.issue(identity, for: key.publicKey, hosts: [], validDays: validDays)
        return IdentityMaterial(
            files: IdentityFiles(folder: "memory"), identity: identity, authority: authority.certificate,
            certificate: certificate, certificatePEM: Array(try PEM.text(certificate).utf8),
            authorityPEM: Array(try authority.certificatePEM().utf8), keyPEM: Array(try PEM.text(key).utf8))
    }
}
