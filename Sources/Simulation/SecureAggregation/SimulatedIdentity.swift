internal import Crypto
internal import Foundation
internal import Privacy

/// How the virtual clients of one attempt prove to each other who they are: Ed25519 keys made for it and forgotten with it,
/// where daemons have the keys of their certificates.
struct SimulatedIdentity: SecureIdentity {
    private let own: Curve25519.Signing.PrivateKey
    private let keys: [String: Curve25519.Signing.PublicKey]

    /// An identity for each of some clients, all of which know each other.
    static func make(for clients: [String]) -> [String: SimulatedIdentity] {
        let own = Dictionary(clients.map { ($0, Curve25519.Signing.PrivateKey()) }) { first, _ in first }
        let keys = own.mapValues(\.publicKey)
        return own.mapValues { SimulatedIdentity(own: $0, keys: keys) }
    }

    func sign(_ digest: [UInt8]) throws -> [UInt8] { Array(try own.signature(for: digest)) }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        keys[client]?.isValidSignature(signature, for: digest) ?? false
    }
}
