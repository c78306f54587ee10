import Privacy

/// One round of secure aggregation with its times and bytes.
struct SecureAggregationMeasure {
    /// The steps of a client.
    enum Step: String, CaseIterable {
        case keys, shares, checking, masking, signing, unmasking
        /// The random sums of masks, where norms are checked: beside the unmasking.
        case projecting
    }

    /// Seconds of each step, of up to five clients.
    private(set) var seconds: [Step: [Double]] = [:]
    /// Bytes sent and received in each step, of these clients; without framing.
    private(set) var bytes: [Step: [Int]] = [:]
    /// Seconds that the coordinator takes to put secrets together and to take the masks off, repeated.
    private(set) var unmasking: [Double] = []
    /// Seconds that the coordinator takes to check the norms, repeated; empty without a check.
    private(set) var normCheck: [Double] = []

    private let names: [String]
    private let elements: Int
    private let dropOuts: Int
    private let projections: Int
    private let round: SecureRound
    private let encoding: LatticeEncoding

    private static let measured = 5

    /// A round in which more than half of a secret's holders are needed.
    ///
    /// - Parameters:
    ///   - dropOuts: how many clients leave after they have shared their secrets.
    ///   - projections: by how many random sums norms are checked; 0 for no check.
    init(clients: Int, elements: Int, degree: Int?, dropOuts: Int, projections: Int = 0) throws {
        self.projections = projections
        names = (0..<clients).map { "client-\($0)" }
        self.elements = elements
        self.dropOuts = dropOuts
        let holders = min(clients, degree.map { $0 + $0 % 2 + 1 } ?? clients)
        round = try SecureRound(
            context: "benchmark 0 0", cohort: clients, degree: degree, threshold: holders / 2 + 1)
        encoding = try LatticeEncoding(range: 1, bits: 16, clients: clients)
    }

    /// Runs the round.
    ///
    /// - Throws: `PrivacyError` when too few of a client's neighbours are left.
    mutating func run() throws {
        let (round, encoding) = (round, encoding)
        let identities = TransientIdentity.make(for: names)
        var exchange = try SecureExchange(round: round, cohort: names, minimum: 2, projections: projections)
        var clients: [String: SecureClient] = [:]
        for name in names {
            guard let identity = identities[name] else { continue }
            let keys = try timed(.keys) {
                var client = try SecureClient(client: name, round: round, identity: identity)
                let keys = try client.advertise()
                clients[name] = client
                return keys
            }
            note(.keys, size(keys))
            try exchange.receive(keys)
        }
        let roster = try exchange.closeAdvertising()
        let rosterBytes = roster.reduce(0) { $0 + size($1) }
        for name in names {
            let shares = try timed(.shares) { try clients[name]?.share(roster) ?? [] }
            note(.shares, rosterBytes + shares.reduce(0) { $0 + size($1) })
            try exchange.receive(shares, from: name)
        }
        let sealed = try exchange.closeSharing()
        for name in names {
            let shares = sealed[name] ?? []
            let complaints = try timed(.checking) { try clients[name]?.check(shares) ?? [] }
            note(.checking, shares.reduce(0) { $0 + size($1) })
            try exchange.receive(complaints: complaints, from: name)
        }
        let boxes = try exchange.closeChecking()
        var sum = [UInt32](repeating: 0, count: elements)
        var sent: [String: [UInt32]] = [:]
        // Of a norm below 1, whatever the size.
        let scale = 1000 * Float(elements).squareRoot()
        let update = (0..<elements).map { Float($0 % 2001 - 1000) / scale }
        for (index, name) in names.enumerated() where index < names.count - dropOuts {
            var words = [UInt32](repeating: 0, count: elements)
            try timed(.masking) {
                let masks = try clients[name]?.masks(boxes[name] ?? []) ?? []
                words.withUnsafeMutableBufferPointer { words in
                    _ = update.withUnsafeBufferPointer { encoding.encode($0, into: words) }
                    for mask in masks { mask.apply(tensor: 0, start: 0, to: words) }
                }
            }
            note(.masking, elements * 4 + (boxes[name] ?? []).reduce(0) { $0 + size($1) })
            sum.withUnsafeMutableBufferPointer { sum in
                words.withUnsafeBufferPointer { MaskedUpdate.add($0, to: sum) }
            }
            try exchange.maskedUpdateArrived(from: name)
            if projections > 0 { sent[name] = words }
        }
        try unmask(&exchange, &clients, sum, sent)
    }

    private mutating func unmask(
        _ exchange: inout SecureExchange, _ clients: inout [String: SecureClient], _ sum: [UInt32],
        _ sent: [String: [UInt32]]
    ) throws {
        let survivors = try exchange.closeMasking()
        let listBytes = survivors.reduce(0) { $0 + $1.utf8.count }
        for name in survivors {
            guard let signature = try timed(.signing, { try clients[name]?.sign(survivors) }) else { continue }
            note(.signing, listBytes + signature.signature.count)
            try exchange.receive(signature)
        }
        let signatures = try exchange.closeSigning()
        let signatureBytes = signatures.reduce(0) { $0 + $1.client.utf8.count + $1.signature.count }
        let request = ProjectionRequest(
            seed: [UInt8](repeating: 1, count: RandomProjection.seedBytes), count: projections, sizes: [elements])
        for name in survivors {
            guard var client = clients[name] else { continue }
            var shares = try timed(.unmasking) { try client.unmask(signatures) }
            if projections > 0 {
                // The same step again with its sums: the rest of it costs nothing beside them.
                guard var client = clients[name] else { continue }
                shares = try timed(.projecting) { try client.unmask(signatures, projecting: request) }
                note(
                    .projecting,
                    request.seed.count + shares.projections.reduce(0) { $0 + $1.key.utf8.count + $1.value.count * 4 })
            }
            let sent = (shares.seeds.map { $0 } + shares.keys.map { $0 })
                .reduce(0) { $0 + $1.key.utf8.count + $1.value.bytes.count + 1 }
            note(.unmasking, signatureBytes + sent)
            try exchange.receive(shares)
        }
        let ready = exchange
        for _ in 0..<Self.measured {
            var exchange = ready
            var freed = sum
            let start = ContinuousClock.now
            let masks = try exchange.closeUnmasking()
            freed.withUnsafeMutableBufferPointer { freed in
                for mask in masks { mask.apply(tensor: 0, start: 0, to: freed) }
            }
            unmasking.append((ContinuousClock.now - start) / .seconds(1))
            if projections > 0 { try check(exchange, request, sent) }
        }
    }

    /// Checks the norms as a coordinator does, but for the reading from a disk.
    private mutating func check(
        _ exchange: SecureExchange, _ request: ProjectionRequest, _ sent: [String: [UInt32]]
    ) throws {
        let bound = try NormBound(
            clipNorm: 1, encoding: encoding, elements: elements, clients: names.count,
            projections: projections)
        let start = ContinuousClock.now
        let findings = try exchange.findings(request, bound: bound) { client, _, start, words in
            guard let update = sent[client] else { return }
            for index in words.indices { words[index] = update[start + index] }
        }
        normCheck.append((ContinuousClock.now - start) / .seconds(1))
        guard findings.isEmpty else {
            throw PrivacyError(.protocolViolation, "the check of norms refused an honest update: \(findings)")
        }
    }

    private mutating func timed<Value>(_ step: Step, _ body: () throws -> Value) rethrows -> Value {
        let start = ContinuousClock.now
        let value = try body()
        if seconds[step, default: []].count < Self.measured {
            seconds[step, default: []].append((ContinuousClock.now - start) / .seconds(1))
        }
        return value
    }

    private mutating func note(_ step: Step, _ count: Int) {
        if bytes[step, default: []].count < Self.measured { bytes[step, default: []].append(count) }
    }

    private func size(_ keys: KeyAdvertisement) -> Int {
        keys.client.utf8.count + keys.channelKey.count + keys.maskKey.count + keys.commitment.count
            + keys.signature.count
    }

    private func size(_ share: SealedShare) -> Int {
        share.sender.utf8.count + share.recipient.utf8.count + share.box.count
    }
}
