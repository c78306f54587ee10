import Foundation
import Identity
import TestSupport
import X509

/// A CA in memory and folders with the certificates it issues, proper and odd.
struct TestFederation: Sendable {
    static let name = "demo"
    let authority: CertificateAuthority
    let folder: TemporaryFolder

    init() throws {
        authority = try CertificateAuthority(creating: Self.name)
        folder = try TemporaryFolder()
    }

    func identity(_ role: Role, _ name: String, federation: String = name) throws -> ParticipantIdentity {
        try ParticipantIdentity(federation: federation, role: role, name: name)
    }

    /// A proper certificate, or what `change` makes of it.
    func certificate(
        _ role: Role,
        _ name: String,
        hosts: [String] = ["localhost", "127.0.0.1"],
        signedBy other: CertificateAuthority? = nil,
        key: Certificate.PrivateKey = CertificateAuthority.makeKey(),
        change: (inout CertificateProfile) -> Void = { _ in }
    ) throws -> Certificate {
        var profile = CertificateProfile(
            try identity(role, name),
            hosts: role == .coordinator ? hosts : [],
            notBefore: Date().addingTimeInterval(-300),
            notAfter: Date().addingTimeInterval(40.5 * 86_400)
        )
        change(&profile)
        return try (other ?? authority).issue(profile, for: key.publicKey)
    }

    /// The same, written to a folder and loaded; the trusted root is the federation's.
    func material(
        _ role: Role,
        _ name: String,
        hosts: [String] = ["localhost", "127.0.0.1"],
        signedBy other: CertificateAuthority? = nil,
        change: (inout CertificateProfile) -> Void = { _ in }
    ) throws -> IdentityMaterial {
        let key = CertificateAuthority.makeKey()
        let certificate = try certificate(role, name, hosts: hosts, signedBy: other, key: key, change: change)
        return try IdentityMaterial.load(write(certificate, key))
    }

    func write(_ certificate: Certificate, _ key: Certificate.PrivateKey) throws -> IdentityFiles {
        let prefix = UUID().uuidString
        let files = IdentityFiles(
            ca: folder.file(prefix + "-ca.pem"), certificate: folder.file(prefix + ".pem"),
            key: folder.file(prefix + ".key")
        )
        try folder.write(Array(authority.certificatePEM().utf8), to: prefix + "-ca.pem")
        try folder.write(Array(PEM.text(certificate).utf8), to: prefix + ".pem")
        try folder.write(Array(PEM.text(key).utf8), to: prefix + ".key")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: files.key)
        return files
    }
}
