internal import Crypto
public import Foundation

/// What all clients of a round with secure aggregation were told alike: the job, byte for byte, and the weights that they start from.
///
/// Whatever clients sign and encrypt is bound to it, so that clients to which a coordinator told different things have no round
/// together. With different thresholds it could get from some what takes the masks off others; with different weights the sum would show
/// whose update is whose (D. Pasquini, D. Francati, G. Ateniese, "Eluding secure aggregation in federated learning via model
/// inconsistency", CCS 2022).
public struct RoundTerms: Sendable, Hashable {
    /// SHA-256, in hexadecimal.
    public let digest: String

    /// The terms of a round.
    ///
    /// - Parameters:
    ///   - specification: the job's JSON as it is sent in every task.
    ///   - weightsDigest: SHA-256 of the global weights that the round starts from, in hexadecimal.
    public init(specification: Data, weightsDigest: String) {
        var hash = SHA256()
        hash.update(data: Data("tributary round terms 1 \(weightsDigest) ".utf8))
        hash.update(data: specification)
        digest = hash.finalize().map { String(format: "%02x", $0) }.joined()
    }
}
