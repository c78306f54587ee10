internal import Crypto
internal import Foundation

/// How clients in one process prove to each other who they are, for simulations and measurements: Ed25519 keys that are made
/// for one attempt and forgotten with it, where daemons have the keys of their certificates.
public struct TransientIdentity: SecureIdentity {
    private let own: Curve25519.Signing.PrivateKey
    private let keys: [String: Curve25519.Signing.PublicKey]

    /// An identity for each of some clients, all of which know each other.
    public static func make(for clients: [String]) -> [String: TransientIdentity] {
        let own = Dictionary(clients.map { ($0, Curve25519.Signing.PrivateKey()) }) { first, _ in first }
        let keys = own.mapValues(\.publicKey)
        return own.mapValues { TransientIdentity(own: $0, keys: keys) }
    }

    /// Signs a digest with the client's own key.
    public func sign(_ digest: [UInt8]) throws -> [UInt8] { Array(try own.signature(for: digest)) }

    /// Whether the key of `client` signed a digest.
    public func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        keys[client]?.isValidSignature(signature, for: digest) ?? false
    }
}
