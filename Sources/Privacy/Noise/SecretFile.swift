public import Durability

/// A secret in a file: 32 bytes, mode 0600, written so that a crash leaves none or the whole one.
public struct SecretFile: Sendable {
    /// The file's path.
    public let path: String
    private let fileSystem: any FileSystem

    /// The file of a secret; its folder must exist.
    public init(_ path: String, fileSystem: any FileSystem = PosixFileSystem()) {
        self.path = path
        self.fileSystem = fileSystem
    }

    /// The secret that is there; nil when there is no file.
    ///
    /// - Throws: ``PrivacyError`` `secret` when the file holds something else, `DurabilityError` when it cannot be read.
    public func existing() throws -> PrivacySecret? {
        guard try fileSystem.exists(path) else { return nil }
        return try PrivacySecret(bytes: fileSystem.read(path, limit: 1024))
    }

    /// A new secret of the operating system, durable after the return. It takes the place of one that is there.
    ///
    /// - Throws: `DurabilityError` when it cannot be written.
    public func make() throws -> PrivacySecret {
        let secret = PrivacySecret()
        try DurableFile.write(secret.rawBytes, to: path, permissions: 0o600, fileSystem: fileSystem)
        return secret
    }

    /// The secret that is there, or a new one.
    ///
    /// - Throws: what ``existing()`` and ``make()`` throw.
    public func load() throws -> PrivacySecret { try existing() ?? make() }
}
