internal import Crypto

/// The coordinator's part in one round of secure aggregation: a machine without I/O that passes messages on and learns, at
/// the end, the masks of the sum and nothing of any single update.
///
/// A phase is closed by the caller, when everybody answered or its time is over. Every closing needs enough clients, and
/// otherwise ends the round with a reason, before any share of a secret was asked for where that can be known.
public struct SecureExchange: Sendable {
    /// The round.
    public let round: SecureRound
    /// How many updates must be in the sum.
    public let minimum: Int
    /// Where the exchange is.
    public private(set) var phase = Phase.advertising
    /// Those who advertised keys, in order of name.
    public private(set) var roster: [KeyAdvertisement] = []
    /// Those who shared their secrets, in order of name; after the check without those who are left out.
    public private(set) var sharers: [String] = []
    /// Those whose secrets could not be put together, as the check of the shares found.
    public private(set) var excluded: [SecureExclusion] = []
    /// Those whose masked update arrived, in order of name.
    public private(set) var survivors: [String] = []

    /// How many random sums of each mask are asked for with the shares; 0 without a check of norms.
    public let projections: Int
    /// By client, what takes off its own mask and those towards clients that dropped out; known at the end.
    private(set) var removals: [String: [PairwiseMask]] = [:]

    private let cohort: Set<String>
    private var advertisements: [String: KeyAdvertisement] = [:]
    private var shares: [String: [SealedShare]] = [:]
    private var complaints = ShareComplaints()
    private var signatures: [String: SurvivorSignature] = [:]
    private(set) var answers: [String: UnmaskingShares] = [:]
    private(set) var graph = MaskGraph(members: [], degree: 0, seed: [UInt8](repeating: 0, count: 32))

    /// The phases in order.
    public enum Phase: String, Sendable, Hashable, CaseIterable {
        case advertising, sharing, checking, masking, signing, unmasking, over
    }

    /// An exchange with a cohort.
    ///
    /// - Throws: ``PrivacyError`` `invalidParameter` when `minimum` is below the threshold.
    public init(
        round: SecureRound, cohort: [String], minimum: Int, projections: Int = 0
    ) throws(PrivacyError) {
        guard minimum >= 2, minimum <= Set(cohort).count else {
            throw PrivacyError(
                .invalidParameter,
                "secure aggregation: found \(minimum) updates at least, expected 2 to the cohort's \(Set(cohort).count)"
            )
        }
        self.round = round
        self.minimum = minimum
        self.projections = projections
        self.cohort = Set(cohort)
    }

    /// Takes a client's keys; a second message of a client is refused.
    public mutating func receive(_ message: KeyAdvertisement) throws(PrivacyError) {
        try expect(.advertising)
        guard cohort.contains(message.client), advertisements[message.client] == nil else {
            throw violation("keys of '\(message.client)', which is not in the cohort or sent some before")
        }
        guard message.channelKey.count == 32, message.maskKey.count == 32, message.commitment.count == 32,
            message.signature.count <= 1024
        else { throw violation("keys of '\(message.client)' have the wrong size") }
        advertisements[message.client] = message
    }

    /// Whether everybody has answered in this phase.
    public var isComplete: Bool {
        switch phase {
        case .advertising: advertisements.count == cohort.count
        case .sharing: shares.count == roster.count
        case .checking: complaints.count == sharers.count
        case .masking: survivors.count == sharers.count
        case .signing: signatures.count == survivors.count
        case .unmasking: answers.count == survivors.count
        case .over: true
        }
    }

    /// Ends the first phase.
    ///
    /// - Returns: the roster, for every client in it.
    public mutating func closeAdvertising() throws(PrivacyError) -> [KeyAdvertisement] {
        try expect(.advertising)
        let sorted = Self.sorted(advertisements.keys).compactMap { advertisements[$0] }
        try require(sorted.count, "sent keys")
        roster = sorted
        graph = round.graph(sorted)
        phase = .sharing
        return sorted
    }

    /// Takes a client's sealed shares: exactly one for each of its neighbours.
    public mutating func receive(_ sealed: [SealedShare], from client: String) throws(PrivacyError) {
        try expect(.sharing)
        guard advertisements[client] != nil, shares[client] == nil else {
            throw violation("shares of '\(client)', which is not in the round or sent some before")
        }
        guard sealed.allSatisfy({ $0.sender == client && $0.box.count <= 256 }),
            Self.sorted(sealed.map(\.recipient)) == graph.neighbours(of: client)
        else { throw violation("the shares of '\(client)' are not one for each of its neighbours") }
        shares[client] = sealed
    }

    /// Ends the second phase.
    ///
    /// - Returns: for every client that shared, what its neighbours sealed for it, to look at.
    public mutating func closeSharing() throws(PrivacyError) -> [String: [SealedShare]] {
        try expect(.sharing)
        try require(shares.count, "shared their secrets")
        sharers = Self.sorted(shares.keys)
        phase = .checking
        return boxes
    }

    /// Takes the names of those whose shares a client cannot open; mostly none.
    public mutating func receive(complaints names: [String], from client: String) throws(PrivacyError) {
        try expect(.checking)
        guard sharers.contains(client), !complaints.hasLooked(client) else {
            throw violation("complaints of '\(client)', which did not share its secrets or complained before")
        }
        let senders = Set(graph.neighbours(of: client)).intersection(sharers)
        guard Set(names).count == names.count, senders.isSuperset(of: names) else {
            throw violation("'\(client)' complains of shares that nobody sent it")
        }
        complaints.receive(names, from: client)
    }

    /// Ends the check of the shares. Who said nothing is not in the round any more, and neither is who would have too few good
    /// shares among those who are: see ``excluded``.
    ///
    /// - Returns: for every client that goes on, what the others that go on sealed for it: it masks with these and nobody else.
    public mutating func closeChecking() throws(PrivacyError) -> [String: [SealedShare]] {
        try expect(.checking)
        let present = sharers.filter(complaints.hasLooked)
        excluded = complaints.exclusions(among: present, graph: graph, threshold: round.threshold)
        let names = Set(excluded.map(\.client))
        sharers = present.filter { !names.contains($0) }
        try require(sharers.count, "have shares that can be opened")
        phase = .masking
        return boxes
    }

    /// What those who are in the round sealed for each other.
    private var boxes: [String: [SealedShare]] {
        var boxes = Dictionary(uniqueKeysWithValues: sharers.map { ($0, [SealedShare]()) })
        for sender in sharers {
            for share in shares[sender] ?? [] { boxes[share.recipient]?.append(share) }
        }
        return boxes
    }

    /// Takes note that a client's masked update is here.
    public mutating func maskedUpdateArrived(from client: String) throws(PrivacyError) {
        try expect(.masking)
        guard sharers.contains(client), !survivors.contains(client) else {
            throw violation("a masked update of '\(client)', which did not share its secrets or sent one before")
        }
        survivors = Self.sorted(survivors + [client])
    }

    /// Ends the masking: later updates are not in the sum.
    ///
    /// - Returns: the list to sign.
    public mutating func closeMasking() throws(PrivacyError) -> [String] {
        try expect(.masking)
        try require(survivors.count, "sent a masked update")
        phase = .signing
        return survivors
    }

    /// Takes a signature of the list.
    public mutating func receive(_ signature: SurvivorSignature) throws(PrivacyError) {
        try expect(.signing)
        guard survivors.contains(signature.client), signatures[signature.client] == nil,
            signature.signature.count <= 1024
        else { throw violation("a signature of '\(signature.client)', which is not on the list or signed before") }
        signatures[signature.client] = signature
    }

    /// Ends the signing.
    ///
    /// - Returns: the signatures, for everybody who signed.
    public mutating func closeSigning() throws(PrivacyError) -> [SurvivorSignature] {
        try expect(.signing)
        guard signatures.count >= round.threshold else { throw abort(signatures.count, "signed", round.threshold) }
        phase = .unmasking
        return Self.sorted(signatures.keys).compactMap { signatures[$0] }
    }

    /// Takes a client's shares of its neighbours' secrets.
    public mutating func receive(_ answer: UnmaskingShares) throws(PrivacyError) {
        try expect(.unmasking)
        let neighbours = Set(graph.neighbours(of: answer.client)).union([answer.client])
        guard signatures[answer.client] != nil, answers[answer.client] == nil else {
            throw violation("shares of '\(answer.client)', which did not sign or sent some before")
        }
        let named = Array(answer.seeds.keys) + Array(answer.keys.keys)
        guard Set(named).count == named.count, named.allSatisfy(neighbours.contains),
            (Array(answer.seeds.values) + answer.keys.values).allSatisfy({ $0.bytes.count == 32 && $0.point > 0 }),
            answer.seeds.keys.allSatisfy(survivors.contains), !answer.keys.keys.contains(where: survivors.contains)
        else { throw violation("'\(answer.client)' sent shares that nobody asked it for") }
        let masked = projections == 0 ? [] : graph.neighbours(of: answer.client).filter(survivors.contains)
        guard Set(answer.projections.keys) == Set(masked),
            answer.projections.values.allSatisfy({ $0.count == projections })
        else {
            throw violation("'\(answer.client)' did not send \(projections) sums for each of its \(masked.count) masks")
        }
        answers[answer.client] = answer
    }

    /// Ends the exchange.
    ///
    /// - Returns: the masks that are left in the sum of the survivors' updates, reversed: apply them to it.
    /// - Throws: ``PrivacyError`` `protocolViolation` when a secret cannot be put together: then nothing of the round can be
    ///   used.
    public mutating func closeUnmasking() throws(PrivacyError) -> [PairwiseMask] {
        try expect(.unmasking)
        phase = .over
        let digest = SecureDigest.roster(roster, round.binding)
        var masks: [PairwiseMask] = []
        func remove(_ mask: PairwiseMask, from client: String) {
            masks.append(mask)
            removals[client, default: []].append(mask)
        }
        for name in survivors {
            let seed = try secret(of: name, "own mask", answers.values.compactMap { $0.seeds[name] }) {
                Array(SHA256.hash(data: $0)) == advertisements[name]?.commitment
            }
            remove(PairwiseMask(key: seed, isAdded: true).reversed, from: name)
        }
        for name in sharers where !survivors.contains(name) {
            let near = graph.neighbours(of: name).filter(survivors.contains)
            guard !near.isEmpty else { continue }
            let bytes = try secret(of: name, "mask key", answers.values.compactMap { $0.keys[name] }) {
                (try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: $0).publicKey.rawRepresentation)
                    .map(Array.init) == advertisements[name]?.maskKey
            }
            guard let key = try? Curve25519.KeyAgreement.PrivateKey(rawRepresentation: bytes) else {
                throw violation("the mask key of '\(name)' cannot be used")
            }
            for other in near {
                guard let advertisement = advertisements[other] else { continue }
                // As the client that dropped out would have masked: the survivor did the opposite, which this undoes.
                remove(try SecureAgreement.mask(of: name, key, with: advertisement, salt: digest), from: other)
            }
        }
        return masks
    }

    /// The secret that shares give and that passes its check; one wrong share is found by leaving each out in turn.
    private func secret(
        of client: String, _ what: String, _ shares: [SecretSharing.Share], check: ([UInt8]) -> Bool
    ) throws(PrivacyError) -> [UInt8] {
        let sorted = shares.sorted { $0.point < $1.point }
        guard sorted.count >= round.threshold else {
            throw violation(
                "\(sorted.count) shares of the \(what) of '\(client)', at least \(round.threshold) are needed: the round "
                    + "ends, and nothing of it is known")
        }
        // Shares that cannot be combined, two at one point for instance, are wrong ones like others.
        if let first = try? SecretSharing.combine(sorted, threshold: round.threshold), check(first) { return first }
        for left in sorted.indices where sorted.count > round.threshold {
            var others = sorted
            others.remove(at: left)
            if let found = try? SecretSharing.combine(others, threshold: round.threshold), check(found) { return found }
        }
        throw violation("the shares of the \(what) of '\(client)' do not give what it committed to")
    }

    private mutating func require(_ count: Int, _ what: String) throws(PrivacyError) {
        let needed = max(minimum, round.degree == nil ? round.threshold : 2)
        guard count >= needed else { throw abort(count, what, needed) }
    }

    private mutating func abort(_ count: Int, _ what: String, _ needed: Int) -> PrivacyError {
        phase = .over
        return violation(
            "\(count) clients \(what), at least \(needed) are needed: the round ends, and nothing of it is known")
    }

    private func expect(_ wanted: Phase) throws(PrivacyError) {
        guard phase == wanted else {
            throw violation("a message of the phase '\(wanted.rawValue)' came in the phase '\(phase.rawValue)'")
        }
    }

    private func violation(_ what: String) -> PrivacyError {
        PrivacyError(.protocolViolation, "secure aggregation, \(round.context): \(what)")
    }

    private static func sorted(_ names: some Sequence<String>) -> [String] {
        names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}
