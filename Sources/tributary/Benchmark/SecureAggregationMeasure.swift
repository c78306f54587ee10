import Measurement
import Privacy

/// One round of secure aggregation with its times and bytes: ``prepare()``, then ``finish(dropOuts:)`` on copies of it.
/// Times are processor time, so that other work on the machine hardly counts.
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

    /// Seconds of all steps together: the smallest, the median and the largest of each, added up.
    var secondsOfClient: [Double] {
        let steps = Step.allCases.compactMap { seconds[$0]?.sorted() }.filter { !$0.isEmpty }
        return [
            steps.reduce(0) { $0 + $1[0] }, steps.reduce(0) { $0 + $1[$1.count / 2] },
            steps.reduce(0) { $0 + $1[$1.count - 1] },
        ]
    }

    private let names: [String]
    private let elements: Int
    private let projections: Int
    private let round: SecureRound
    private let encoding: LatticeEncoding
    private var exchange: SecureExchange
    private var clients: [String: SecureClient] = [:]
    /// What `closeChecking()` gives each client to mask with.
    private var boxes: [String: [SealedShare]] = [:]

    private static let measured = 5

    /// A round in which more than half of a secret's holders are needed.
    ///
    /// - Parameter projections: by how many random sums norms are checked; 0 for no check.
    init(clients: Int, elements: Int, degree: Int?, projections: Int = 0) throws {
        self.projections = projections
        names = (0..<clients).map { "client-\($0)" }
        self.elements = elements
        let holders = min(clients, degree.map { $0 + $0 % 2 + 1 } ?? clients)
        round = try SecureRound(
            context: "benchmark 0 0", cohort: clients, degree: degree, threshold: holders / 2 + 1)
        encoding = try LatticeEncoding(range: 1, bits: 16, clients: clients)
        exchange = try SecureExchange(round: round, cohort: names, minimum: 2, projections: projections)
    }

    /// Runs the round until every client has shared its secrets and looked at its shares.
    mutating func prepare() throws {
        let round = round
        let identities = TransientIdentity.make(for: names)
        for name in names {
            guard let identity = identities[name] else { continue }
            let (client, keys) = try timed(.keys) {
                var client = try SecureClient(client: name, round: round, identity: identity)
                let keys = try client.advertise()
                return (client, keys)
            }
            clients[name] = client
            note(.keys, size(keys))
            try exchange.receive(keys)
        }
        let roster = try exchange.closeAdvertising()
        let rosterBytes = roster.reduce(0) { $0 + size($1) }
        for name in names {
            let shares = try timed(.shares, of: name) { try $0.share(roster) } ?? []
            note(.shares, rosterBytes + shares.reduce(0) { $0 + size($1) })
            try exchange.receive(shares, from: name)
        }
        let sealed = try exchange.closeSharing()
        for name in names {
            let own = sealed[name] ?? []
            let complaints = try timed(.checking, of: name) { try $0.check(own) } ?? []
            note(.checking, own.reduce(0) { $0 + size($1) })
            try exchange.receive(complaints: complaints, from: name)
        }
        boxes = try exchange.closeChecking()
    }

    /// Runs the rest of the round.
    ///
    /// - Parameter dropOuts: how many clients leave before they mask.
    /// - Throws: `PrivacyError` when too few of a client's neighbours are left.
    mutating func finish(dropOuts: Int) throws {
        let encoding = encoding
        var sum = [UInt32](repeating: 0, count: elements)
        var sent: [String: [UInt32]] = [:]
        // Of a norm below 1, whatever the size.
        let scale = 1000 * Float(elements).squareRoot()
        let update = (0..<elements).map { Float($0 % 2001 - 1000) / scale }
        for (index, name) in names.enumerated() where index < names.count - dropOuts {
            guard index < Self.measured || projections > 0 else {
                // What the words are makes no difference to the times without a check: only the measured mask an update.
                _ = try clients[name]?.masks(boxes[name] ?? [])
                try exchange.maskedUpdateArrived(from: name)
                continue
            }
            var words = [UInt32](repeating: 0, count: elements)
            let own = boxes[name] ?? []
            try timed(.masking, of: name) { client in
                let masks = try client.masks(own)
                words.withUnsafeMutableBufferPointer { words in
                    _ = update.withUnsafeBufferPointer { encoding.encode($0, into: words) }
                    for mask in masks { mask.apply(tensor: 0, start: 0, to: words) }
                }
            }
            note(.masking, elements * 4 + own.reduce(0) { $0 + size($1) })
            sum.withUnsafeMutableBufferPointer { sum in
                words.withUnsafeBufferPointer { MaskedUpdate.add($0, to: sum) }
            }
            try exchange.maskedUpdateArrived(from: name)
            if projections > 0 { sent[name] = words }
        }
        try unmask(sum, sent)
    }

    private mutating func unmask(_ sum: [UInt32], _ sent: [String: [UInt32]]) throws {
        let survivors = try exchange.closeMasking()
        let listBytes = survivors.reduce(0) { $0 + $1.utf8.count }
        for name in survivors {
            guard let signature = try timed(.signing, of: name, { try $0.sign(survivors) }) else { continue }
            note(.signing, listBytes + signature.signature.count)
            try exchange.receive(signature)
        }
        let signatures = try exchange.closeSigning()
        let signatureBytes = signatures.reduce(0) { $0 + $1.client.utf8.count + $1.signature.count }
        let request = ProjectionRequest(
            seed: [UInt8](repeating: 1, count: RandomProjection.seedBytes), count: projections, sizes: [elements])
        for name in survivors {
            let before = clients[name]
            guard var shares = try timed(.unmasking, of: name, { try $0.unmask(signatures) }) else { continue }
            if projections > 0, var client = before {
                // The same step again with its sums: the rest of it costs nothing beside them.
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
            let start = ProcessorClock.seconds
            let masks = try exchange.closeUnmasking()
            freed.withUnsafeMutableBufferPointer { freed in
                for mask in masks { mask.apply(tensor: 0, start: 0, to: freed) }
            }
            unmasking.append(ProcessorClock.seconds - start)
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
        let start = ProcessorClock.seconds
        let findings = try exchange.findings(request, bound: bound) { client, _, start, words in
            guard let update = sent[client] else { return }
            for index in words.indices { words[index] = update[start + index] }
        }
        normCheck.append(ProcessorClock.seconds - start)
        guard findings.isEmpty else {
            throw PrivacyError(.protocolViolation, "the check of norms refused an honest update: \(findings)")
        }
    }

    private mutating func timed<Value>(_ step: Step, _ body: () throws -> Value) rethrows -> Value {
        let start = ProcessorClock.seconds
        let value = try body()
        if seconds[step, default: []].count < Self.measured {
            seconds[step, default: []].append(ProcessorClock.seconds - start)
        }
        return value
    }

    /// The same for a step of a client.
    private mutating func timed<Value>(
        _ step: Step, of name: String, _ body: (inout SecureClient) throws -> Value
    ) rethrows -> Value? {
        guard var client = clients.removeValue(forKey: name) else { return nil }
        defer { clients[name] = client }
        return try timed(step) { try body(&client) }
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
