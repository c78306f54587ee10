import Crypto
import Testing

@testable import Privacy

/// Identities that know each other, as certificates of one federation do.
private struct KnownKeys: SecureIdentity {
    let own: Curve25519.Signing.PrivateKey
    let all: [String: Curve25519.Signing.PublicKey]

    func sign(_ digest: [UInt8]) throws -> [UInt8] { Array(try own.signature(for: digest)) }

    func isValid(_ signature: [UInt8], of digest: [UInt8], by client: String) -> Bool {
        all[client]?.isValidSignature(signature, for: digest) ?? false
    }
}

/// A cohort with an update each, and the steps of a round.
private struct Cohort {
    var clients: [String: SecureClient]
    var exchange: SecureExchange
    let updates: [String: [Float]]
    let encoding: LatticeEncoding

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

    /// A whole round; the names say who leaves before which step.
    ///
    /// - Returns: the unmasked sum, and what the coordinator saw of each update.
    mutating func run(
        beforeSharing: Set<String> = [], beforeMasking: Set<String> = [], beforeSigning: Set<String> = [],
        beforeUnmasking: Set<String> = []
    ) throws -> (sum: [UInt32], masked: [String: [UInt32]]) {
        for name in clients.keys.sorted() {
            if let message = try clients[name]?.advertise() { try exchange.receive(message) }
        }
        let roster = try exchange.closeAdvertising()
        for name in clients.keys.sorted() where !beforeSharing.contains(name) {
            if let sealed = try clients[name]?.share(roster) { try exchange.receive(sealed, from: name) }
        }
        let boxes = try exchange.closeSharing()
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
            if let answer = try clients[name]?.unmask(signatures) { try exchange.receive(answer) }
        }
        let masks = try exchange.closeUnmasking()
        var sum = [UInt32](repeating: 0, count: Self.elements)
        for name in survivors { sum = zip(sum, masked[name] ?? []).map { $0 &+ $1 } }
        return (Self.apply(masks, to: sum), masked)
    }
}

@Suite struct SecureAggregationTests {
    @Test func theSumIsThePlainOneBitForBit() throws {
        var cohort = try Cohort(5, threshold: 3)
        let plain = cohort.plainSum(Array(cohort.updates.keys))
        let (sum, masked) = try cohort.run()
        #expect(sum == plain)
        for (name, words) in masked { #expect(words != cohort.encoded(name)) }
    }

    @Test(arguments: [nil, 12] as [Int?])
    func dropOutsOfThirtyPercentAreMendedInEveryPhase(_ degree: Int?) throws {
        let lost = Set(["site-1", "site-4", "site-7", "site-11", "site-12", "site-19"])
        for phase in 0..<4 {
            var cohort = try Cohort(20, degree: degree, threshold: degree == nil ? 14 : 7, minimum: 14)
            let inSum = cohort.updates.keys.filter { phase > 1 || !lost.contains($0) }
            let plain = cohort.plainSum(Array(inSum))
            let outcome = try cohort.run(
                beforeSharing: phase == 0 ? lost : [], beforeMasking: phase == 1 ? lost : [],
                beforeSigning: phase == 2 ? lost : [], beforeUnmasking: phase == 3 ? lost : [])
            #expect(outcome.sum == plain, "lost before phase \(phase)")
        }
    }

    @Test func withTooFewLeftNothingIsAskedFor() throws {
        let lost = Set((0..<7).map { "site-\($0)" })
        var cohort = try Cohort(20, threshold: 14)
        #expect(throws: PrivacyError.self) { try cohort.run(beforeMasking: lost) }
        #expect(cohort.exchange.phase == .over)
        #expect(throws: PrivacyError.self) {
            try cohort.exchange.receive(UnmaskingShares(client: "site-9", seeds: [:], keys: [:]))
        }
    }

    @Test func aThresholdOfHalfOrLessIsRefused() {
        for (threshold, degree) in [(10, nil), (0, nil), (21, nil), (4, 8), (10, 8)] as [(Int, Int?)] {
            #expect(throws: PrivacyError.self) {
                try SecureRound(context: "x", cohort: 20, degree: degree, threshold: threshold)
            }
        }
    }

    /// A coordinator that tells two halves different lists learns nothing: neither half has enough signatures.
    @Test func differentListsAreNotUnmasked() throws {
        var cohort = try Cohort(6, threshold: 4)
        let names = cohort.clients.keys.sorted()
        for name in names {
            if let message = try cohort.clients[name]?.advertise() { try cohort.exchange.receive(message) }
        }
        let roster = try cohort.exchange.closeAdvertising()
        for name in names {
            if let sealed = try cohort.clients[name]?.share(roster) { try cohort.exchange.receive(sealed, from: name) }
        }
        for (name, shares) in try cohort.exchange.closeSharing() { _ = try cohort.clients[name]?.masks(shares) }
        let other = Array(names.dropLast())
        var signatures: [SurvivorSignature] = []
        for name in names.prefix(3) { if let one = try cohort.clients[name]?.sign(names) { signatures.append(one) } }
        for name in names[3..<5] { if let one = try cohort.clients[name]?.sign(other) { signatures.append(one) } }
        for name in names.prefix(5) {
            #expect(throws: PrivacyError.self) { try cohort.clients[name]?.unmask(signatures) }
            // Nor a second time, with a better list.
            #expect(throws: PrivacyError.self) { try cohort.clients[name]?.sign(names) }
        }
    }

    @Test func keysThatNobodySignedAreRefused() throws {
        var cohort = try Cohort(4, threshold: 3)
        let names = cohort.clients.keys.sorted()
        var roster: [KeyAdvertisement] = []
        for name in names { if let message = try cohort.clients[name]?.advertise() { roster.append(message) } }
        roster[2].maskKey = Array(Curve25519.KeyAgreement.PrivateKey().publicKey.rawRepresentation)
        #expect(throws: PrivacyError.self) { try cohort.clients[names[0]]?.share(roster) }
        #expect(throws: PrivacyError.self) { try cohort.clients[names[2]]?.share(roster) }
    }

    @Test func aBrokenShareIsFoundAndLeftOut() throws {
        var cohort = try Cohort(6, threshold: 4)
        let names = cohort.clients.keys.sorted()
        for name in names {
            if let message = try cohort.clients[name]?.advertise() { try cohort.exchange.receive(message) }
        }
        let roster = try cohort.exchange.closeAdvertising()
        for name in names {
            if let sealed = try cohort.clients[name]?.share(roster) { try cohort.exchange.receive(sealed, from: name) }
        }
        var sum = [UInt32](repeating: 0, count: Cohort.elements)
        for (name, shares) in try cohort.exchange.closeSharing() {
            let masks = try #require(try cohort.clients[name]?.masks(shares))
            sum = zip(sum, Cohort.apply(masks, to: cohort.encoded(name))).map { $0 &+ $1 }
            try cohort.exchange.maskedUpdateArrived(from: name)
        }
        let survivors = try cohort.exchange.closeMasking()
        for name in survivors {
            if let one = try cohort.clients[name]?.sign(survivors) { try cohort.exchange.receive(one) }
        }
        let signatures = try cohort.exchange.closeSigning()
        for (index, name) in names.enumerated() {
            var answer = try #require(try cohort.clients[name]?.unmask(signatures))
            if index == 0 { answer.seeds["site-3"]?.bytes[5] ^= 1 }
            try cohort.exchange.receive(answer)
        }
        let masks = try cohort.exchange.closeUnmasking()
        #expect(Cohort.apply(masks, to: sum) == cohort.plainSum(names))
    }

    @Test func messagesOutOfPlaceAreRefused() throws {
        var cohort = try Cohort(3, threshold: 2)
        let message = try #require(try cohort.clients["site-0"]?.advertise())
        try cohort.exchange.receive(message)
        #expect(throws: PrivacyError.self) { try cohort.exchange.receive(message) }
        #expect(throws: PrivacyError.self) { try cohort.clients["site-0"]?.advertise() }
        #expect(throws: PrivacyError.self) { try cohort.clients["site-0"]?.masks([]) }
        var stranger = message
        stranger.client = "stranger"
        #expect(throws: PrivacyError.self) { try cohort.exchange.receive(stranger) }
        #expect(throws: PrivacyError.self) { try cohort.exchange.maskedUpdateArrived(from: "site-0") }
        #expect(throws: PrivacyError.self) { try cohort.exchange.closeUnmasking() }
    }
}

@Suite struct MaskGraphTests {
    private let seed = [UInt8](repeating: 9, count: 32)

    @Test(arguments: [(10, 4), (10, 3), (50, 20), (10, 9), (10, 40), (1, 2), (2, 2)])
    func neighboursAreMutual(_ count: Int, _ degree: Int) {
        let names = (0..<count).map { "c\($0)" }
        let graph = MaskGraph(members: names.reversed(), degree: degree, seed: seed)
        for name in names {
            let near = graph.neighbours(of: name)
            #expect(near.count == graph.degree && Set(near).count == near.count && !near.contains(name))
            for other in near { #expect(graph.neighbours(of: other).contains(name)) }
        }
        #expect(graph.neighbours(of: "stranger") == [])
    }

    @Test func parametersHoldWhatTheyPromise() throws {
        // Bell et al. report degrees of this size for a thousand clients, 5 % corrupt and 5 % dropping out.
        let found = try #require(MaskGraph.parameters(clients: 1000, corrupt: 0.05, dropouts: 0.05))
        #expect((20...80).contains(found.degree) && found.threshold <= found.degree)
        #expect(MaskGraph.parameters(clients: 3, corrupt: 0.5, dropouts: 0.5) == nil)
        // Exactly: all of 4 drawn from 10 with 5 marked, C(5,4)/C(10,4) = 5/210.
        let tail = MaskGraph.logTail(atLeast: 4, drawn: 4, marked: 5, of: 10)
        #expect(abs(tail - -5.392317) < 1e-5)
    }
}

@Suite struct LatticeEncodingTests {
    @Test func numbersComeBackToWithinHalfAStepAndSaturationIsCounted() throws {
        let encoding = try LatticeEncoding(range: 1, bits: 12, clients: 100)
        let values: [Float] = [0, 0.5, -0.25, 1, -1, 1.5, -9, .nan, .infinity]
        var words = [UInt32](repeating: 0, count: values.count)
        let saturated = values.withUnsafeBufferPointer { source in
            words.withUnsafeMutableBufferPointer { encoding.encode(source, into: $0) }
        }
        #expect(saturated == 4)
        for (value, word) in zip(values, words).prefix(5) {
            #expect(abs(encoding.decode(word) - Double(value)) <= encoding.step / 2)
        }
        #expect(encoding.decode(words[5]) == 1 && encoding.decode(words[6]) == -1 && words[7] == 0)
    }

    @Test func sumsThatCouldWrapAroundAreRefused() {
        #expect(throws: PrivacyError.self) { try LatticeEncoding(range: 1, bits: 24, clients: 257) }
        #expect(throws: Never.self) { try LatticeEncoding(range: 1, bits: 24, clients: 256) }
        #expect(throws: PrivacyError.self) { try LatticeEncoding(range: 0, bits: 8, clients: 1) }
        #expect(throws: PrivacyError.self) { try LatticeEncoding(range: 1, bits: 32, clients: 1) }
    }
}
