internal import Durability
internal import Foundation
internal import X509

/// The CA on disk. Its key is read only when something must be signed, so that a run that changes nothing works
/// without it.
struct AuthorityFolder {
    let path: String
    let action: ProvisioningReport.Action
    let certificate: Certificate
    private let keyPath: String
    private let fileSystem: any FileSystem
    private var authority: CertificateAuthority?

    /// Loads the CA, finishes a half-made one, or makes a new one.
    init(path: String, federation: String, fileSystem: any FileSystem, hasParticipants: Bool, now: Date) throws {
        self.path = path
        self.fileSystem = fileSystem
        keyPath = path + "/ca.key"
        let certificatePath = path + "/ca.pem"
        try fileSystem.makeDirectory(path, permissions: 0o700)
        if try fileSystem.exists(certificatePath) {
            certificate = try PEM.certificate(
                PEM.read(certificatePath, as: "CA certificate", fileSystem: fileSystem), source: certificatePath
            )
            guard certificate.organisation == federation else {
                throw IdentityError(
                    .mismatch,
                    "\(certificatePath) is the CA of the federation \"\(certificate.organisation ?? "?")\", the file says "
                        + "\"\(federation)\": use another output folder"
                )
            }
            action = .kept
            return
        }
        guard !hasParticipants else {
            throw IdentityError(
                .missingFile,
                "\(certificatePath) is missing although participants have certificates: put it back, a new CA "
                    + "would shut them out"
            )
        }
        // The key first: a run that ends here goes on with the same key.
        let key: Certificate.PrivateKey?
        if try fileSystem.exists(keyPath) {
            key = try PEM.key(PEM.read(keyPath, as: "CA key", fileSystem: fileSystem), source: keyPath)
        } else {
            key = nil
        }
        let authority = try CertificateAuthority(creating: federation, key: key, now: now)
        if key == nil { try DurableFile.write(authority.keyPEM(), to: keyPath, fileSystem: fileSystem) }
        try DurableFile.write(
            authority.certificatePEM(), to: certificatePath, permissions: 0o644, fileSystem: fileSystem
        )
        certificate = authority.certificate
        action = key == nil ? .created : .completed
        self.authority = authority
    }

    /// The CA with its key.
    mutating func signer() throws -> CertificateAuthority {
        if let authority { return authority }
        let key = try PEM.key(PEM.read(keyPath, as: "CA's key", fileSystem: fileSystem), source: keyPath)
        let loaded = try CertificateAuthority(certificate: certificate, key: key)
        authority = loaded
        return loaded
    }
}
