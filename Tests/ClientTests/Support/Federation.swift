import Foundation
import Identity
import TestSupport
import X509

/// A federation's CA that makes clients' certificates.
struct TestFederation {
    let folder: TemporaryFolder
    let authority: CertificateAuthority

    init() throws {
        folder = try TemporaryFolder()
        authority = try CertificateAuthority(creating: "test")
    }

    /// Certificate and key of a participant.
    func material(_ name: String, role: Role = .client, notAfter: Date = Date().addingTimeInterval(86_400)) throws
        -> IdentityMaterial
    {
        try IdentityMaterial.load(files(name, role: role, notAfter: notAfter))
    }

    func files(_ name: String, role: Role = .client, notAfter: Date = Date().addingTimeInterval(86_400)) throws
        -> IdentityFiles
    {
        let key = CertificateAuthority.makeKey()
        let certificate = try authority.issue(
            CertificateProfile(
                ParticipantIdentity(federation: "test", role: role, name: name),
                hosts: role == .coordinator ? ["localhost"] : [], notBefore: Date().addingTimeInterval(-7200),
                notAfter: notAfter),
            for: key.publicKey)
        let prefix = UUID().uuidString
        let files = IdentityFiles(
            ca: folder.file(prefix + "-ca.pem"), certificate: folder.file(prefix + ".pem"),
            key: folder.file(prefix + ".key"))
        try folder.write(Array(authority.certificatePEM().utf8), to: prefix + "-ca.pem")
        try folder.write(Array(PEM.text(certificate).utf8), to: prefix + ".pem")
        try folder.write(Array(PEM.text(key).utf8), to: prefix + ".key")
        return files
    }
}
