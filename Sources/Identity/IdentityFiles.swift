/// Where a participant's certificate and key are.
public struct IdentityFiles: Sendable, Hashable, Codable {
    /// The federation's CA certificate (PEM): the only root that is trusted.
    public var ca: String
    /// The participant's certificate (PEM).
    public var certificate: String
    /// The participant's private key (PEM, PKCS#8), readable by its owner only.
    public var key: String

    /// Paths of the three files.
    public init(ca: String, certificate: String, key: String) {
        self.ca = ca
        self.certificate = certificate
        self.key = key
    }

    /// The names that `tributary provision` gives them, in `folder`.
    public init(folder: String) {
        self.init(ca: folder + "/ca.pem", certificate: folder + "/certificate.pem", key: folder + "/key.pem")
    }

    /// The same files with relative paths looked up from `folder`.
    public func resolved(from folder: String) -> IdentityFiles {
        let resolve = { (path: String) in path.hasPrefix("/") || folder.isEmpty ? path : "\(folder)/\(path)" }
        return IdentityFiles(ca: resolve(ca), certificate: resolve(certificate), key: resolve(key))
    }
}
