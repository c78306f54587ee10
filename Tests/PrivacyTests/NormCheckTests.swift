import Testing

@testable import Privacy

/// A round with a check of norms: who sends what, and what clients say of their masks.
private struct NormRound {
    static let sizes = [37, 50]
    static let elements = 87
    let names: [String]
    let degree: Int?
    let threshold: Int
    let projections = 32
    /// The words of each update.
    var updates: [String: [UInt32]]
    /// What the coordinator holds them against.
    let bound = NormBound(length: 1000, projections: 32)
    var beforeMasking: Set<String> = []
    var beforeUnmasking: Set<String> = []
    /// Changes a client's last message.
    var lie: (inout UnmaskingShares, SecureClient) -> Void = { _, _ in }

    init(_ count: Int, degree: Int? = nil, threshold: Int) {
        names = (0..<count).map { "site-\($0)" }.sorted()
        self.degree = degree
        self.threshold = threshold
        updates = [:]
        for name in names { updates[name] = Self.update(of: 900, name) }
    }

    /// Words of about a length.
    static func update(of length: Int, _ name: String) -> [UInt32] {
        let seed = name.utf8.reduce(7) { $0 * 31 + Int($1) }
        // Uniform in ±a has the deviation a / √3.
        let most = Int(Double(length) * (3.0 / Double(elements)).squareRoot())
        return (0..<elements).map { UInt32(truncatingIfNeeded: (($0 + seed) * 7919) % (2 * most + 1) - most) }
    }

    static func apply(_ masks: [PairwiseMask], _ words: [UInt32]) -> [UInt32] {
        var words = words
        words.withUnsafeMutableBufferPointer { words in
            for mask in masks {
                mask.apply(tensor: 0, start: 0, to: .init(rebasing: words[..<sizes[0]]))
                mask.apply(tensor: 1, start: 0, to: .init(rebasing: words[sizes[0]...]))
            }
        }
        return words
    }

    /// Runs the round to the judgement.
    func judge() throws -> (NormJudgement, sum: [UInt32], survivors: [String], coefficients: RandomProjection) {
        let round = try SecureRound(context: "job 0 0", cohort: names.count, degree: degree, threshold: threshold)
        let identities = TransientIdentity.make(for: names)
        var exchange = try SecureExchange(round: round, cohort: names, minimum: threshold, projections: projections)
        var clients: [String: SecureClient] = [:]
        for name in names {
            var client = try SecureClient(client: name, round: round, identity: #require(identities[name]))
            try exchange.receive(client.advertise())
            clients[name] = client
        }
        let roster = try exchange.closeAdvertising()
        for name in names { try exchange.receive(clients[name]?.share(roster) ?? [], from: name) }
        let sealed = try exchange.closeSharing()
        for name in names {
            try exchange.receive(complaints: clients[name]?.check(sealed[name] ?? []) ?? [], from: name)
        }
        let boxes = try exchange.closeChecking()
        var masked: [String: [UInt32]] = [:]
        for name in names where !beforeMasking.contains(name) {
            let masks = try clients[name]?.masks(boxes[name] ?? []) ?? []
            masked[name] = Self.apply(masks, updates[name] ?? [])
            try exchange.maskedUpdateArrived(from: name)
        }
        let survivors = try exchange.closeMasking()
        for name in survivors { if let one = try clients[name]?.sign(survivors) { try exchange.receive(one) } }
        let signatures = try exchange.closeSigning()
        let request = ProjectionRequest(seed: [UInt8](repeating: 4, count: 32), count: projections, sizes: Self.sizes)
        for name in survivors where !beforeUnmasking.contains(name) {
            guard let client = clients[name] else { continue }
            var after = client
            var answer = try after.unmask(signatures, projecting: request)
            lie(&answer, client)
            try exchange.receive(answer)
        }
        let masks = try exchange.closeUnmasking()
        var sum = [UInt32](repeating: 0, count: Self.elements)
        for name in survivors { sum = zip(sum, masked[name] ?? []).map { $0 &+ $1 } }
        let judgement = try exchange.judgement(request, bound: bound) { client, tensor, start, words in
            let first = (tensor == 0 ? 0 : Self.sizes[0]) + start
            for index in words.indices { words[index] = masked[client]?[first + index] ?? 0 }
        }
        let list = SecureDigest.survivors(
            survivors, roster: SecureDigest.roster(exchange.roster, round.binding), round.binding)
        let coefficients = SecureDigest.projection(
            request.seed, survivors: list, count: projections, round.binding)
        return (judgement, Self.apply(masks, sum), survivors, coefficients)
    }
}

@Suite("Check of norms: the exchange") struct NormCheckTests {
    private func kinds(_ round: NormRound) throws -> [String: NormFinding.Kind] {
        Dictionary(uniqueKeysWithValues: try round.judge().0.findings().map { ($0.client, $0.kind) })
    }

    /// Adds `words` to what a client says of its mask with another, as it would have to if that much had been sent in.
    private static func shift(_ answer: inout UnmaskingShares, _ other: String, by amount: UInt32) {
        answer.projections[other] = answer.projections[other]?.map { $0 &+ amount }
    }

    @Test("With honest clients nothing is found, whoever drops out, and the sum is that of the updates")
    func honest() throws {
        for (degree, threshold) in [(nil, 6), (6, 4)] as [(Int?, Int)] {
            var round = NormRound(10, degree: degree, threshold: threshold)
            for (early, late) in [([], []), (["site-3"], []), ([], ["site-4"]), (["site-1"], ["site-2", "site-5"])]
                as [(Set<String>, Set<String>)]
            {
                (round.beforeMasking, round.beforeUnmasking) = (early, late)
                let (judgement, sum, survivors, _) = try round.judge()
                #expect(judgement.findings() == [], "\(early), \(late)")
                let plain = survivors.reduce([UInt32](repeating: 0, count: NormRound.elements)) { sum, name in
                    zip(sum, round.updates[name] ?? []).map { $0 &+ $1 }
                }
                #expect(sum == plain)
            }
        }
    }

    @Test("What comes of the answers is exactly the projection of the update, however large its words are")
    func exact() throws {
        var round = NormRound(6, threshold: 4)
        round.beforeMasking = ["site-5"]
        round.updates["site-2"] = (0..<NormRound.elements).map { UInt32(truncatingIfNeeded: ($0 + 1) * 0x9E37_79B1) }
        let (judgement, _, survivors, coefficients) = try round.judge()
        #expect(survivors.count == 5)
        for name in survivors {
            let direct = coefficients.sums(rows: 1, sizes: NormRound.sizes) { _, tensor, _, words in
                for index in words.indices {
                    words[index] = round.updates[name]?[(tensor == 0 ? 0 : NormRound.sizes[0]) + index] ?? 0
                }
            }
            #expect(judgement.total(of: [name]) == direct[0], "\(name)")
        }
    }

    @Test("A client whose update is ten times too long is named, and nobody else", arguments: [nil, 6] as [Int?])
    func tooLong(degree: Int?) throws {
        var round = NormRound(10, degree: degree, threshold: degree == nil ? 6 : 4)
        round.updates["site-7"] = NormRound.update(of: 10_000, "site-7")
        #expect(try kinds(round) == ["site-7": .length])
        round.beforeMasking = ["site-2"]
        round.beforeUnmasking = ["site-4"]
        #expect(try kinds(round) == ["site-7": .length])
    }

    @Test("Who lies about one mask takes its neighbour along, who lies about most is named alone")
    func contradictions() throws {
        var round = NormRound(8, threshold: 5)
        round.lie = { answer, _ in if answer.client == "site-3" { Self.shift(&answer, "site-5", by: 40) } }
        #expect(try kinds(round) == ["site-3": .suspicion, "site-5": .suspicion])
        round.lie = { answer, _ in
            guard answer.client == "site-3" else { return }
            for other in ["site-0", "site-1", "site-2", "site-4"] { Self.shift(&answer, other, by: 1) }
        }
        #expect(try kinds(round) == ["site-3": .contradiction])
        // By its own answers it is too long as well: that needs nobody else's.
        round.lie = { answer, _ in
            if answer.client == "site-3" { Self.shift(&answer, "site-5", by: 1_000_000) }
        }
        #expect(try kinds(round) == ["site-3": .length])
    }

    @Test("Two that lie alike move length between them and gain none")
    func collusion() throws {
        var round = NormRound(8, threshold: 5)
        // Both ends say that the mask was other than it was: half of one's update is taken for the other's.
        func half(of name: String, _ judgement: NormJudgement) -> [UInt32] {
            judgement.total(of: [name]).map { UInt32(bitPattern: Int32(bitPattern: $0) / 2) }
        }
        for (length, isFound) in [(1900, false), (20_000, true)] {
            round.updates["site-1"] = NormRound.update(of: length, "site-1")
            round.updates["site-2"] = [UInt32](repeating: 0, count: NormRound.elements)
            round.lie = { _, _ in }
            // The coefficients depend on the keys: the sums themselves are changed.
            let honest = try round.judge().0
            var answers = honest.answers
            let moved = half(of: "site-1", honest)
            for (client, other) in [("site-1", "site-2"), ("site-2", "site-1")] {
                let told = answers[client]?[other] ?? []
                answers[client]?[other] = zip(told, moved).map { $0 &+ $1 }
            }
            let judgement = NormJudgement(
                bound: honest.bound, measured: honest.measured, answers: answers, neighbours: honest.neighbours)
            #expect(judgement.findings().isEmpty != isFound, "\(judgement.findings())")
            #expect(judgement.total(of: ["site-1", "site-2"]) == honest.total(of: ["site-1", "site-2"]))
        }
    }

    @Test("A client that fell silent is left out on its neighbours' word, and not accused")
    func silence() throws {
        var round = NormRound(8, threshold: 5)
        round.updates["site-6"] = NormRound.update(of: 10_000, "site-6")
        round.beforeUnmasking = ["site-6"]
        #expect(try kinds(round) == ["site-6": .silence])
        // Two of them: nobody tells the sums of the mask between them, so they are judged together.
        round.beforeUnmasking = ["site-2", "site-6"]
        #expect(try kinds(round) == ["site-2": .silence, "site-6": .silence])
        #expect(!NormFinding.Kind.silence.isProof && !NormFinding.Kind.suspicion.isProof)
        #expect(NormFinding.Kind.length.isProof && NormFinding.Kind.contradiction.isProof)
    }

    @Test("Sums that are missing, of strangers or of a wrong number are refused")
    func malformed() throws {
        let lies: [@Sendable (inout UnmaskingShares) -> Void] = [
            { $0.projections = [:] }, { $0.projections["site-1"] = nil }, { $0.projections["stranger"] = [] },
            { $0.projections["site-1"] = [UInt32](repeating: 0, count: 31) },
        ]
        for lie in lies {
            var round = NormRound(5, threshold: 3)
            round.lie = { answer, _ in if answer.client == "site-2" { lie(&answer) } }
            #expect(throws: PrivacyError.self) { try round.judge() }
        }
    }

    @Test("Another seed and another list of updates have other coefficients")
    func coefficients() {
        let first = SecureDigest.projection([1, 2], survivors: [3], count: 32, "job 0 0")
        #expect(first == SecureDigest.projection([1, 2], survivors: [3], count: 32, "job 0 0"))
        for other in [
            SecureDigest.projection([1], survivors: [2, 3], count: 32, "job 0 0"),
            SecureDigest.projection([1, 2], survivors: [4], count: 32, "job 0 0"),
            SecureDigest.projection([1, 2], survivors: [3], count: 32, "job 0 1"),
        ] {
            #expect(first != other)
        }
    }
}
