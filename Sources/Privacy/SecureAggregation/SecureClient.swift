internal import Crypto
internal import Foundation

/// A client's part in one round of secure aggregation: a machine without I/O. Its secrets live in memory only, so a client
/// that is started again has left the round.
///
/// K. Bonawitz et al., "Practical secure aggregation for privacy-preserving machine learning", CCS 2017, with the graph of
/// Bell et al., CCS 2020: advertise keys; share the secrets; upload x + PRG(b) + Σ ± PRG(s) over the neighbours that shared;
/// sign the list of those who uploaded; once `threshold` neighbours signed the same list, give the shares that take the
/// masks off. Every step can be taken once. Of a neighbour it gives either a share of its own mask or a share of its mask
/// key, and never anything for a second list.
public struct SecureClient: Sendable {
    /// The client's name.
    public let client: String
    /// The round.
    public let round: SecureRound
    private let identity: any SecureIdentity
    private var random: NoiseWords
    private let channel: Curve25519.KeyAgreement.PrivateKey
    private let masking: Curve25519.KeyAgreement.PrivateKey
    private let seed: [UInt8]
    private var phase = Phase.fresh

    private enum Phase {
        case fresh, advertised
        case shared(Group)
        case checked(Group, shares: Set<SealedShare>, opened: [String: Received])
        case masked(Group, partners: Set<String>, received: [String: Received])
        case signed(Group, received: [String: Received], survivors: [String])
        case over
    }

    /// The clients of the round as this one sees them.
    private struct Group {
        var roster: [String: KeyAdvertisement]
        var digest: [UInt8]
        var graph: MaskGraph
        var neighbours: [String]
        var own: Received
    }

    /// What is held of one client.
    private struct Received {
        var seed: SecretSharing.Share
        var key: SecretSharing.Share
    }

    /// A client with fresh secrets of the operating system.
    ///
    /// - Parameter secret: other secrets, for tests.
    public init(
        client: String, round: SecureRound, identity: any SecureIdentity, secret: PrivacySecret = PrivacySecret()
    ) throws(PrivacyError) {
        self.client = client
        self.round = round
        self.identity = identity
        random = secret.stream(purpose: "secure aggregation", round: 0).words()
        var words = random
        func bytes() -> [UInt8] { (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &words) } }
        do {
            channel = try .init(rawRepresentation: bytes())
            masking = try .init(rawRepresentation: bytes())
        } catch {
            throw PrivacyError(.secret, "secure aggregation: a private key cannot be made: \(error)")
        }
        seed = bytes()
        random = words
    }

    /// Step 1: the client's public keys.
    public mutating func advertise() throws -> KeyAdvertisement {
        guard case .fresh = phase else { throw outOfOrder("advertise") }
        phase = .advertised
        var message = KeyAdvertisement(
            client: client, channelKey: Array(channel.publicKey.rawRepresentation),
            maskKey: Array(masking.publicKey.rawRepresentation), commitment: Array(SHA256.hash(data: seed)),
            signature: [])
        message.signature = try identity.sign(message.signedBytes(round))
        return message
    }

    /// Step 2: shares of the client's secrets for its neighbours among those who advertised keys.
    ///
    /// - Throws: ``PrivacyError`` `protocolViolation` for a roster without this client's own keys, with a name twice, a
    ///   wrong signature, fewer clients than `minimum`, or fewer than `threshold` holders.
    public mutating func share(_ roster: [KeyAdvertisement]) throws -> [SealedShare] {
        guard case .advertised = phase else { throw outOfOrder("share") }
        phase = .over
        let sorted = roster.sorted { $0.client.utf8.lexicographicallyPrecedes($1.client.utf8) }
        let table = Dictionary(sorted.map { ($0.client, $0) }) { first, _ in first }
        guard table.count == sorted.count else { throw violation("the roster names a client twice") }
        guard sorted.count >= round.minimum else {
            throw violation("\(sorted.count) clients have keys, at least \(round.minimum) have to be in the sum")
        }
        guard table[client]?.maskKey == Array(masking.publicKey.rawRepresentation),
            table[client]?.channelKey == Array(channel.publicKey.rawRepresentation)
        else { throw violation("the roster has other keys of this client") }
        for entry in sorted {
            guard
                identity.isValid(entry.signature, of: entry.signedBytes(round), by: entry.client)
            else { throw violation("the keys of '\(entry.client)' are not signed by it") }
        }
        let graph = round.graph(sorted)
        let neighbours = graph.neighbours(of: client)
        let holders = Self.holders(of: client, neighbours)
        guard holders.count >= round.threshold else {
            throw violation("\(holders.count) holders of shares, at least \(round.threshold) are needed")
        }
        let seeds = try SecretSharing.split(
            seed, threshold: round.threshold, count: holders.count, random: &random)
        let keys = try SecretSharing.split(
            Array(masking.rawRepresentation), threshold: round.threshold, count: holders.count, random: &random)
        let digest = SecureDigest.roster(sorted, round.binding)
        var sealed: [SealedShare] = []
        var own: Received?
        for (index, holder) in holders.enumerated() {
            guard holder != client, let other = table[holder] else {
                own = Received(seed: seeds[index], key: keys[index])
                continue
            }
            let key = try SecureAgreement.key(channel, other.channelKey, purpose: "channel", salt: digest)
            let text = [seeds[index].point] + seeds[index].bytes + keys[index].bytes
            let box = try ChaChaPoly.seal(
                text, using: SymmetricKey(data: key),
                authenticating: SecureDigest.of(
                    "share", round.binding, [digest, Array(client.utf8), Array(holder.utf8)]))
            sealed.append(SealedShare(sender: client, recipient: holder, box: Array(box.combined)))
        }
        guard let own else { throw violation("no share for the client itself") }
        phase = .shared(Group(roster: table, digest: digest, graph: graph, neighbours: neighbours, own: own))
        return sealed
    }

    /// Between step 2 and 3: whose shares cannot be opened. A coordinator that does not ask leaves this out.
    ///
    /// - Returns: the names, in order; nothing else of the shares is told.
    /// - Throws: ``PrivacyError`` `protocolViolation` for a share that is not from a neighbour, or comes twice.
    public mutating func check(_ shares: [SealedShare]) throws -> [String] {
        guard case .shared(let group) = phase else { throw outOfOrder("check") }
        phase = .over
        let opened = try opened(shares, group)
        phase = .checked(group, shares: Set(shares), opened: opened)
        return shares.map(\.sender).filter { opened[$0] == nil }
            .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// Step 3: the masks to apply to the update, from the shares of the neighbours that take part: it is masked with these
    /// and nobody else.
    ///
    /// A neighbour whose share cannot be opened is masked with like the others; enough of them hold good ones, or it would not be
    /// here. Nothing of it can be given away later.
    ///
    /// - Throws: ``PrivacyError`` `protocolViolation` for a share that is not from a neighbour, comes twice or is not the one that
    ///   was checked, and for too few.
    public mutating func masks(_ shares: [SealedShare]) throws -> [PairwiseMask] {
        let (group, opened): (Group, [String: Received])
        switch phase {
        case .shared(let known):
            phase = .over
            (group, opened) = (known, try self.opened(shares, known))
        case .checked(let known, let seen, let before):
            phase = .over
            guard seen.isSuperset(of: shares) else { throw violation("a share that was not there to be checked") }
            (group, opened) = (known, before)
        default: throw outOfOrder("mask")
        }
        let partners = Set(shares.map(\.sender))
        guard partners.count == shares.count else { throw violation("a share comes twice") }
        guard partners.count + 1 >= round.threshold else {
            throw violation("\(partners.count + 1) clients share with this one, at least \(round.threshold) are needed")
        }
        var masks = [PairwiseMask(key: seed, isAdded: true)]
        for name in partners.sorted(by: { $0.utf8.lexicographicallyPrecedes($1.utf8) }) {
            guard let other = group.roster[name] else { continue }
            masks.append(try SecureAgreement.mask(of: client, masking, with: other, salt: group.digest))
        }
        // Where everybody masks with everybody, nobody else can be in the sum.
        guard group.neighbours.count + 1 < group.roster.count || partners.count + 1 >= round.minimum else {
            throw violation(
                "\(partners.count + 1) clients share their secrets, at least \(round.minimum) have to be in the sum")
        }
        phase = .masked(group, partners: partners, received: opened.filter { partners.contains($0.key) })
        return masks
    }

    /// The shares that can be opened, by sender.
    private func opened(_ shares: [SealedShare], _ group: Group) throws -> [String: Received] {
        var opened: [String: Received] = [:]
        var senders: Set<String> = []
        for share in shares {
            guard share.recipient == client, group.neighbours.contains(share.sender),
                let other = group.roster[share.sender], senders.insert(share.sender).inserted
            else { throw violation("a share of '\(share.sender)', which is no neighbour or comes twice") }
            opened[share.sender] = open(share, of: other, group)
        }
        return opened
    }

    /// What a share says; nil when it cannot be opened, or does not say what a share for this client says.
    private func open(_ share: SealedShare, of other: KeyAdvertisement, _ group: Group) -> Received? {
        guard
            let key = try? SecureAgreement.key(channel, other.channelKey, purpose: "channel", salt: group.digest),
            let box = try? ChaChaPoly.SealedBox(combined: share.box),
            let text = try? ChaChaPoly.open(
                box, using: SymmetricKey(data: key),
                authenticating: SecureDigest.of(
                    "share", round.binding, [group.digest, Array(share.sender.utf8), Array(client.utf8)]))
        else { return nil }
        // Point, seed, key.
        let bytes = Array(text)
        guard bytes.count == 65, Int(bytes[0]) == point(of: share.sender, group) else { return nil }
        return Received(
            seed: .init(point: bytes[0], bytes: Array(bytes[1..<33])),
            key: .init(point: bytes[0], bytes: Array(bytes[33...])))
    }

    /// Where a neighbour has to evaluate its polynomials for this client: at its place among the holders, from 1.
    private func point(of sender: String, _ group: Group) -> Int {
        1 + (group.graph.neighbours(of: sender) + [sender]).count { $0.utf8.lexicographicallyPrecedes(client.utf8) }
    }

    /// Step 4: the signature of the list of those whose masked update arrived.
    ///
    /// - Throws: ``PrivacyError`` `protocolViolation` for a list without this client, with strangers, too few names, or too few of its
    ///   neighbours.
    public mutating func sign(_ survivors: [String]) throws -> SurvivorSignature {
        guard case .masked(let group, let partners, let received) = phase else { throw outOfOrder("sign") }
        phase = .over
        let sorted = survivors.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        let set = Set(sorted)
        guard set.count == sorted.count, set.contains(client), set.allSatisfy({ group.roster[$0] != nil }) else {
            throw violation("the list of arrived updates lacks this client, or names a stranger or a client twice")
        }
        guard sorted.count >= round.minimum else {
            throw violation("\(sorted.count) updates are in the sum, at least \(round.minimum) are needed")
        }
        // The update of another neighbour cannot be masked against this one.
        guard group.neighbours.allSatisfy({ !set.contains($0) || partners.contains($0) }) else {
            throw violation("the list of arrived updates names a neighbour that this client did not mask with")
        }
        guard group.neighbours.count(where: set.contains) + 1 >= round.threshold else {
            throw violation("fewer than \(round.threshold) of this client's neighbours and itself are left")
        }
        let digest = SecureDigest.survivors(sorted, roster: group.digest, round.binding)
        phase = .signed(group, received: received, survivors: sorted)
        return SurvivorSignature(client: client, signature: try identity.sign(digest))
    }

    /// Step 5: what takes the masks off, once enough neighbours signed the same list.
    ///
    /// - Parameter projecting: in a round whose norms are checked, what the random sums of masks are made of. One is answered
    ///   for in a round, and none before the list of updates is signed by enough.
    /// - Throws: ``PrivacyError`` `protocolViolation` for fewer than `threshold` right signatures of neighbours and itself.
    public mutating func unmask(
        _ signatures: [SurvivorSignature], projecting request: ProjectionRequest? = nil
    ) throws -> UnmaskingShares {
        guard case .signed(let group, let received, let survivors) = phase else { throw outOfOrder("unmask") }
        phase = .over
        let digest = SecureDigest.survivors(survivors, roster: group.digest, round.binding)
        let alive = Set(survivors)
        let signers = Set(
            signatures.filter {
                group.neighbours.contains($0.client) && alive.contains($0.client)
                    && identity.isValid($0.signature, of: digest, by: $0.client)
            }.map(\.client))
        guard signers.count + 1 >= round.threshold else {
            throw violation(
                "\(signers.count + 1) signed the same list of arrived updates, at least \(round.threshold) are needed")
        }
        var answer = UnmaskingShares(client: client, seeds: [client: group.own.seed], keys: [:])
        for (name, held) in received {
            if alive.contains(name) { answer.seeds[name] = held.seed } else { answer.keys[name] = held.key }
        }
        if let request {
            let names = group.neighbours.filter(alive.contains)
            let masks = try names.map { name in
                guard let other = group.roster[name] else { throw violation("'\(name)' is not in the roster") }
                return try SecureAgreement.mask(of: client, masking, with: other, salt: group.digest)
            }
            let sums = SecureDigest.projection(request.seed, survivors: digest, count: request.count, round.binding)
                .sums(of: masks, sizes: request.sizes)
            answer.projections = Dictionary(uniqueKeysWithValues: zip(names, sums))
        }
        return answer
    }

    /// Who holds shares of a client, in order: the share at point i + 1 is the i-th's.
    static func holders(of client: String, _ neighbours: [String]) -> [String] {
        (neighbours + [client]).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    private func violation(_ what: String) -> PrivacyError {
        PrivacyError(.protocolViolation, "secure aggregation, \(round.context), client '\(client)': \(what)")
    }

    private func outOfOrder(_ step: String) -> PrivacyError { violation("the step '\(step)' comes out of order") }
}
