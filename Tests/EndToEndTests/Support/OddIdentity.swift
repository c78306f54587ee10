import Foundation
import Identity
import X509

/// A folder with a certificate that no federation would issue, made with the federation's own authority.
enum OddIdentity {
    /// Writes `ca.pem`, `certificate.pem` and `key.pem` for `role`/`name` into a new folder of the sandbox, after `change`
    /// made the certificate odd.
    static func make(
        _ sandbox: Sandbox, role: Role = .client, name: String = "site-1",
        change: (inout CertificateProfile) -> Void = { _ in }
    ) throws -> IdentityFiles {
        let authority = try CertificateAuthority(
            certificate: PEM.certificate(read(sandbox.path("identities/ca/ca.pem")), source: "ca.pem"),
            key: PEM.key(read(sandbox.path("identities/ca/ca.key")), source: "ca.key")
        )
        let identity = try ParticipantIdentity(federation: "e2e", role: role, name: name)
        var profile = CertificateProfile(
            identity,
            hosts: role == .coordinator ? ["localhost"] : [],
            notBefore: Date().addingTimeInterval(-300),
            notAfter: Date().addingTimeInterval(86_400)
        )
        change(&profile)
        return try write(profile, signedBy: authority, sandbox)
    }

    /// A folder whose certificate comes from another authority of the same federation's name.
    static func fromAnotherAuthority(_ sandbox: Sandbox) throws -> IdentityFiles {
        let profile = CertificateProfile(
            try ParticipantIdentity(federation: "e2e", role: .client, name: "site-1"),
            notBefore: Date().addingTimeInterval(-300),
            notAfter: Date().addingTimeInterval(86_400)
        )
        return try write(profile, signedBy: CertificateAuthority(creating: "e2e"), sandbox)
    }

    private static func write(
        _ profile: CertificateProfile, signedBy authority: CertificateAuthority, _ sandbox: Sandbox
    ) throws -> IdentityFiles {
        let folder = sandbox.folder.appendingPathComponent("odd-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let key = CertificateAuthority.makeKey()
        let files = IdentityFiles(folder: folder.path)
        // The federation's own root in any case: the peer under test is the coordinator.
        try FileManager.default.copyItem(atPath: sandbox.path("identities/ca/ca.pem"), toPath: files.ca)
        let certificate = try authority.issue(profile, for: key.publicKey)
        try PEM.text(certificate).write(toFile: files.certificate, atomically: true, encoding: .utf8)
        try PEM.text(key).write(toFile: files.key, atomically: true, encoding: .utf8)
        return files
    }

    private static func read(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }
}
