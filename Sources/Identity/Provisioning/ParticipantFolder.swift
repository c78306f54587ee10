internal import Durability
internal import X509

/// One participant's files on disk.
struct ParticipantFolder {
    let path: String
    let fileSystem: any FileSystem

    var keyPath: String { path + "/key.pem" }
    var certificatePath: String { path + "/certificate.pem" }
    private var newKeyPath: String { keyPath + ".new" }
    private var newCertificatePath: String { certificatePath + ".new" }

    /// The key, nil when there is none.
    func key() throws -> Certificate.PrivateKey? { try key(at: keyPath) }

    /// The certificate, nil when there is none.
    func certificate() throws -> Certificate? { try certificate(at: certificatePath) }

    func store(_ key: Certificate.PrivateKey) throws {
        try DurableFile.write(PEM.text(key), to: keyPath, permissions: 0o600, fileSystem: fileSystem)
    }

    func store(_ certificate: Certificate) throws {
        try DurableFile.write(PEM.text(certificate), to: certificatePath, permissions: 0o644, fileSystem: fileSystem)
    }

    /// Replaces key and certificate: both are written beside the old ones, and from then on the renewal counts; then
    /// they are renamed, which ``finishRenewal()`` does when this is interrupted.
    func replace(key: Certificate.PrivateKey, certificate: Certificate) throws {
        try DurableFile.write(PEM.text(key), to: newKeyPath, permissions: 0o600, fileSystem: fileSystem)
        try DurableFile.write(PEM.text(certificate), to: newCertificatePath, permissions: 0o644, fileSystem: fileSystem)
        try rename()
    }

    /// Finishes or forgets a renewal that was interrupted.
    func finishRenewal() throws {
        let newCertificate = try? certificate(at: newCertificatePath)
        if let newKey = try? key(at: newKeyPath) {
            if newKey.publicKey == newCertificate?.publicKey {
                try rename()
            } else {
                try forgetRenewal()
            }
        } else if let newCertificate {
            // The key was renamed already, if it is this certificate's.
            if let key = try key(), key.publicKey == newCertificate.publicKey {
                try fileSystem.rename(newCertificatePath, to: certificatePath)
                try fileSystem.synchroniseDirectory(path)
            } else {
                try forgetRenewal()
            }
        } else {
            try forgetRenewal()
        }
    }

    /// Adds the CA's certificate and the configuration if they are missing. Returns false when it had to.
    func complete(authority: String, configuration name: String, text: String) throws -> Bool {
        var isWhole = true
        let authorityPath = path + "/ca.pem"
        let configurationPath = "\(path)/\(name)"
        if try !fileSystem.exists(authorityPath)
            || String(decoding: fileSystem.read(authorityPath, limit: PEM.fileLimit), as: UTF8.self) != authority
        {
            try DurableFile.write(authority, to: authorityPath, permissions: 0o644, fileSystem: fileSystem)
            isWhole = false
        }
        if try !fileSystem.exists(configurationPath) {
            try DurableFile.write(text, to: configurationPath, permissions: 0o644, fileSystem: fileSystem)
            isWhole = false
        }
        return isWhole
    }

    private func rename() throws {
        try fileSystem.rename(newKeyPath, to: keyPath)
        try fileSystem.rename(newCertificatePath, to: certificatePath)
        try fileSystem.synchroniseDirectory(path)
    }

    private func forgetRenewal() throws {
        for path in [newKeyPath, newCertificatePath] { try DurableFile.remove(path, fileSystem: fileSystem) }
    }

    private func key(at path: String) throws -> Certificate.PrivateKey? {
        guard try fileSystem.exists(path) else { return nil }
        return try PEM.key(PEM.read(path, as: "key", fileSystem: fileSystem), source: path)
    }

    private func certificate(at path: String) throws -> Certificate? {
        guard try fileSystem.exists(path) else { return nil }
        return try PEM.certificate(PEM.read(path, as: "certificate", fileSystem: fileSystem), source: path)
    }
}
