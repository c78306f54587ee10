import Crypto

@testable import Privacy

/// Identities that know each other, as certificates of one federation do.
struct KnownKeys: SecureIdentity {
    let own: Curve25519.Signing.PrivateKey
    let all: [String: Curve25519.Signing.PublicKey]

    func sign(_ digest: [UInt8]) throws -> [UInt8] { Array(try own.signature(for: digest)) }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        all[client]?.isValidSignature(signature, for: digest) ?? false
    }
}

/// A cohort with an update each, and the steps of a round.
struct SecureCohort {
    var clients: [String: SecureClient]
    var exchange: SecureExchange
    let updates: [String: [Float]]
    let encoding: LatticeEncoding

    /// What a client sends instead of its sealed shares, of its complaints, and at the end.
    var seal: (_ client: String, [SealedShare]) -> [SealedShare] = { $1 }
    var complain: (_ client: String, [String]) -> [String] = { $1 }
    var answer: (UnmaskingShares) -> UnmaskingShares = { $0 }
    /// The last answers of the latest run.
    private(set) var answers: [UnmaskingShares] = []

    static let elements = 37

    init(_ count: Int, degree: Int? = nil, threshold: Int, minimum: Int? = nil) throws {
        let names = (0..<count).map { "site-\($0)" }
        let keys = Dictionary(uniqueKeysWithValues: names.map { ($0, Curve25519.Signing.PrivateKey()) })
        let round = try SecureRound(context: "job 0 0", cohort: count, degree: degree, threshold: threshold)
        clients = [:]
        for name in names {
            guard let own = keys[name] else { continue }
            clients[name] = try SecureClient(
                client: name, round: round, identity: KnownKeys(own: own, all: keys.mapValues(\.publicKey)))
        }
        exchange = try SecureExchange(round: round, cohort: names, minimum: minimum ?? threshold)
        encoding = try LatticeEncoding(range: 2, bits: 16, clients: count)
        var random = try PrivacySecret(bytes: [UInt8](repeating: 3, count: 32)).stream(purpose: "updates", round: 0)
            .words()
        updates = Dictionary(
            uniqueKeysWithValues: names.map { name in
                (name, (0..<Self.elements).map { _ in Float.random(in: -2.2...2.2, using: &random) })
            })
    }

    func encoded(_ client: String) -> [UInt32] {
        var words = [UInt32](repeating: 0, count: Self.elements)
        _ = (updates[client] ?? []).withUnsafeBufferPointer { values in
            words.withUnsafeMutableBufferPointer { encoding.encode(values, into: $0) }
        }
        return words
    }

    func plainSum(_ names: [String]) -> [UInt32] {
        names.reduce([UInt32](repeating: 0, count: Self.elements)) { sum, name in
            zip(sum, encoded(name)).map { $0 &+ $1 }
        }
    }

    static func apply(_ masks: [PairwiseMask], to words: [UInt32]) -> [UInt32] {
        var result = words
        for mask in masks {
            // In two pieces: a block does not begin where a cipher's block does.
            result.withUnsafeMutableBufferPointer {
                mask.apply(tensor: 4, start: 0, to: .init(rebasing: $0[..<21]))
                mask.apply(tensor: 4, start: 21, to: .init(rebasing: $0[21...]))
            }
        }
        return result
    }

    /// Keys and shares of every client.
    ///
    /// - Returns: what the others sealed for each.
    mutating func shared(beforeSharing: Set<String> = []) throws -> [String: [SealedShare]] {
        for name in clients.keys.sorted() {
            if let message = try clients[name]?.advertise() { try exchange.receive(message) }
        }
        let roster = try exchange.closeAdvertising()
        for name in clients.keys.sorted() where !beforeSharing.contains(name) {
            if let sealed = try clients[name]?.share(roster) { try exchange.receive(seal(name, sealed), from: name) }
        }
        return try exchange.closeSharing()
    }

    /// Every client looks at its shares.
    ///
    /// - Returns: what those who go on sealed for each other.
    mutating func checked(
        _ sealed: [String: [SealedShare]], beforeChecking: Set<String> = []
    ) throws -> [String: [SealedShare]] {
        for name in exchange.sharers where !beforeChecking.contains(name) {
            guard let names = try clients[name]?.check(sealed[name] ?? []) else { continue }
            try exchange.receive(complaints: complain(name, names), from: name)
        }
        return try exchange.closeChecking()
    }

    /// A whole round; the names say who leaves before which step.
    ///
    /// - Returns: the unmasked sum, and what the coordinator saw of each update.
    mutating func run(
        beforeSharing: Set<String> = [], beforeChecking: Set<String> = [], beforeMasking: Set<String> = [],
        beforeSigning: Set<String> = [], beforeUnmasking: Set<String> = []
    ) throws -> (sum: [UInt32], masked: [String: [UInt32]]) {
        let boxes = try checked(shared(beforeSharing: beforeSharing), beforeChecking: beforeChecking)
        var masked: [String: [UInt32]] = [:]
        for (name, shares) in boxes where !beforeMasking.contains(name) {
            guard let masks = try clients[name]?.masks(shares) else { continue }
            masked[name] = Self.apply(masks, to: encoded(name))
            try exchange.maskedUpdateArrived(from: name)
        }
        let survivors = try exchange.closeMasking()
        for name in survivors where !beforeSigning.contains(name) {
            if let signature = try clients[name]?.sign(survivors) { try exchange.receive(signature) }
        }
        let signatures = try exchange.closeSigning()
        for name in signatures.map(\.client) where !beforeUnmasking.contains(name) {
            guard let shares = try clients[name]?.unmask(signatures) else { continue }
            answers.append(answer(shares))
            try exchange.receive(answer(shares))
        }
        let masks = try exchange.closeUnmasking()
        var sum = [UInt32](repeating: 0, count: Self.elements)
        for name in survivors { sum = zip(sum, masked[name] ?? []).map { $0 &+ $1 } }
        return (Self.apply(masks, to: sum), masked)
    }
}
