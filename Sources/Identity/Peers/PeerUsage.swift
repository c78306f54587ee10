internal import X509

/// What a peer's key may be used for. Certificates without the extension, or with `any`, are refused: ours always name
/// one usage.
enum PeerUsage: Sendable, CustomStringConvertible {
    case server
    case client

    init(of role: Role) {
        self = role == .coordinator ? .server : .client
    }

    var description: String {
        switch self {
        case .server: "serverAuth"
        case .client: "clientAuth"
        }
    }

    func isAllowed(by certificate: Certificate) -> Bool {
        guard let usages = try? certificate.extensions.extendedKeyUsage else { return false }
        return usages.contains(self == .server ? .serverAuth : .clientAuth)
    }
}
