internal import Crypto
internal import Foundation

/// What secure aggregation needs to know of a round, the same for everybody.
public struct SecureRound: Sendable, Hashable {
    /// Names the round beyond doubt: job, round and attempt. Everything that is encrypted or signed is bound to it.
    public var context: String
    /// How many neighbours each client masks with; all the others when nil.
    public var degree: Int?
    /// How many shares of a client give its secret away, of its neighbours' and its own.
    public var threshold: Int
    /// How many updates must be in a sum: a client signs no shorter list. Noise that clients add counts on it.
    public var minimum: Int
    /// What else all clients of the round have to have been told alike; bound like the context. Empty where one process tells them all.
    public var terms: String

    /// The numbers of a round.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` unless more than half of `cohort` (or of the neighbours and the client)
    ///   are needed: otherwise a coordinator could learn both secrets of a client from two disjoint halves.
    public init(context: String, cohort: Int, degree: Int?, threshold: Int, minimum: Int = 1, terms: String = "")
        throws(PrivacyError)
    {
        let holders = min(cohort, degree.map { $0 + $0 % 2 + 1 } ?? cohort)
        guard cohort >= 2, holders <= SecretSharing.maximumShares else {
            throw PrivacyError(
                .invalidParameter,
                "secure aggregation: found \(holders) holders of shares of \(cohort) clients, expected at least 2 clients "
                    + "and at most \(SecretSharing.maximumShares) holders: set a degree")
        }
        guard threshold * 2 > holders, threshold <= holders else {
            throw PrivacyError(
                .invalidParameter,
                "secure aggregation: found threshold \(threshold), expected more than half of the \(holders) holders of "
                    + "shares, and at most all")
        }
        self.context = context
        self.degree = degree
        self.threshold = threshold
        self.minimum = minimum
        self.terms = terms
    }

    /// What everything that is encrypted or signed is bound to.
    var binding: String { terms.isEmpty ? context : "\(context) \(terms)" }

    /// The graph over those who have advertised keys, seeded by the keys themselves.
    func graph(_ roster: [KeyAdvertisement]) -> MaskGraph {
        MaskGraph(
            members: roster.map(\.client), degree: degree ?? max(0, roster.count - 1),
            seed: SecureDigest.roster(roster, binding))
    }
}

/// The first message of a client: its public keys for one round.
public struct KeyAdvertisement: Sendable, Hashable {
    /// The client.
    public var client: String
    /// X25519, for the channels on which shares travel.
    public var channelKey: [UInt8]
    /// X25519, for the masks.
    public var maskKey: [UInt8]
    /// SHA-256 of the seed of the client's own mask, to check what is put together from shares.
    public var commitment: [UInt8]
    /// The client's signature of all this and the round's context.
    public var signature: [UInt8]

    /// An advertisement from its parts.
    public init(
        client: String, channelKey: [UInt8], maskKey: [UInt8], commitment: [UInt8], signature: [UInt8]
    ) {
        self.client = client
        self.channelKey = channelKey
        self.maskKey = maskKey
        self.commitment = commitment
        self.signature = signature
    }

    /// What is signed.
    func signedBytes(_ round: SecureRound) -> [UInt8] {
        SecureDigest.of("advertisement", round.binding, [Array(client.utf8), channelKey, maskKey, commitment])
    }
}

/// A share that only its recipient can read.
public struct SealedShare: Sendable, Hashable {
    /// Whose secrets they are.
    public var sender: String
    /// Who can read them.
    public var recipient: String
    /// ChaCha20-Poly1305: nonce, text and tag.
    public var box: [UInt8]

    /// A sealed share from its parts.
    public init(sender: String, recipient: String, box: [UInt8]) {
        self.sender = sender
        self.recipient = recipient
        self.box = box
    }
}

/// A client's signature of the list of those whose masked update arrived.
public struct SurvivorSignature: Sendable, Hashable {
    /// Who signed.
    public var client: String
    /// The signature.
    public var signature: [UInt8]

    /// A signature.
    public init(client: String, signature: [UInt8]) {
        self.client = client
        self.signature = signature
    }
}

/// The last message of a client: of every neighbour one share, either of its own mask or of its mask key, never both.
public struct UnmaskingShares: Sendable, Hashable {
    /// Who sends them.
    public var client: String
    /// Shares of the seeds of own masks, of clients that are on the list.
    public var seeds: [String: SecretSharing.Share]
    /// Shares of mask keys, of clients that are not.
    public var keys: [String: SecretSharing.Share]
    /// With a check of norms: of every neighbour on the list the random sums of the mask with it.
    public var projections: [String: [UInt32]]

    /// Shares from their parts.
    public init(
        client: String, seeds: [String: SecretSharing.Share], keys: [String: SecretSharing.Share],
        projections: [String: [UInt32]] = [:]
    ) {
        self.client = client
        self.seeds = seeds
        self.keys = keys
        self.projections = projections
    }
}

/// How clients prove who they are to each other, past the coordinator: for daemons with the keys of their certificates.
public protocol SecureIdentity: Sendable {
    /// Signs a digest as this client.
    func sign(_ digest: [UInt8]) throws -> [UInt8]
    /// Whether a client signed a digest.
    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool
}

/// Digests of what is signed and bound.
enum SecureDigest {
    /// SHA-256 of a purpose, a context and fields, each with its length before it.
    static func of(_ purpose: String, _ context: String, _ fields: [[UInt8]]) -> [UInt8] {
        var hash = SHA256()
        for field in [Array("tributary secure aggregation 2".utf8), Array(purpose.utf8), Array(context.utf8)] + fields {
            withUnsafeBytes(of: UInt64(field.count).littleEndian) { hash.update(bufferPointer: $0) }
            hash.update(data: field)
        }
        return Array(hash.finalize())
    }

    static func roster(_ roster: [KeyAdvertisement], _ context: String) -> [UInt8] {
        of("roster", context, roster.flatMap { [Array($0.client.utf8), $0.channelKey, $0.maskKey, $0.commitment] })
    }

    static func survivors(_ survivors: [String], roster: [UInt8], _ context: String) -> [UInt8] {
        of("survivors", context, [roster] + survivors.map { Array($0.utf8) })
    }

    /// The coefficients of a check of norms: bound to the list, so that no seed gives the same ones for another.
    static func projection(_ seed: [UInt8], survivors: [UInt8], count: Int, _ context: String) -> RandomProjection {
        RandomProjection(key: of("projection", context, [survivors, seed]), count: count)
    }
}

/// Key agreement and what is derived from it.
enum SecureAgreement {
    /// 32 bytes that both ends of two key pairs know, for one purpose.
    static func key(
        _ own: Curve25519.KeyAgreement.PrivateKey, _ other: [UInt8], purpose: String, salt: [UInt8]
    ) throws(PrivacyError) -> [UInt8] {
        do {
            let shared = try own.sharedSecretFromKeyAgreement(with: .init(rawRepresentation: other))
            let key = shared.hkdfDerivedSymmetricKey(
                using: SHA256.self, salt: salt, sharedInfo: Array(purpose.utf8), outputByteCount: 32)
            return key.withUnsafeBytes { Array($0) }
        } catch {
            throw PrivacyError(.protocolViolation, "secure aggregation: a public key cannot be used: \(error)")
        }
    }

    /// The mask between two clients, seen from `client`: the one whose name comes first adds it.
    static func mask(
        of client: String, _ own: Curve25519.KeyAgreement.PrivateKey, with other: KeyAdvertisement, salt: [UInt8]
    ) throws(PrivacyError) -> PairwiseMask {
        PairwiseMask(
            key: try key(own, other.maskKey, purpose: "mask", salt: salt),
            isAdded: client.utf8.lexicographicallyPrecedes(other.client.utf8))
    }
}
