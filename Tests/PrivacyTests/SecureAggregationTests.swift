import Crypto
import Testing

@testable import Privacy

@Suite struct SecureAggregationTests {
    @Test func theSumIsThePlainOneBitForBit() throws {
        var cohort = try SecureCohort(5, threshold: 3)
        let plain = cohort.plainSum(Array(cohort.updates.keys))
        let (sum, masked) = try cohort.run()
        #expect(sum == plain)
        for (name, words) in masked { #expect(words != cohort.encoded(name)) }
    }

    @Test(arguments: [nil, 12] as [Int?])
    func dropOutsOfThirtyPercentAreMendedInEveryPhase(_ degree: Int?) throws {
        let lost = Set(["site-1", "site-4", "site-7", "site-11", "site-12", "site-19"])
        for phase in 0..<4 {
            var cohort = try SecureCohort(20, degree: degree, threshold: degree == nil ? 14 : 7, minimum: 14)
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
        var cohort = try SecureCohort(20, threshold: 14)
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
        var cohort = try SecureCohort(6, threshold: 4)
        let names = cohort.clients.keys.sorted()
        let boxes = try cohort.checked(cohort.shared())
        for (name, shares) in boxes { _ = try cohort.clients[name]?.masks(shares) }
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
        var cohort = try SecureCohort(4, threshold: 3)
        let names = cohort.clients.keys.sorted()
        var roster: [KeyAdvertisement] = []
        for name in names { if let message = try cohort.clients[name]?.advertise() { roster.append(message) } }
        roster[2].maskKey = Array(Curve25519.KeyAgreement.PrivateKey().publicKey.rawRepresentation)
        #expect(throws: PrivacyError.self) { try cohort.clients[names[0]]?.share(roster) }
        #expect(throws: PrivacyError.self) { try cohort.clients[names[2]]?.share(roster) }
    }

    @Test(arguments: ["altered", "at another's point", "missing"])
    func oneBadShareIsLeftOut(_ fault: String) throws {
        var cohort = try SecureCohort(6, threshold: 4)
        cohort.answer = { answer in
            guard answer.client == "site-0" else { return answer }
            var answer = answer
            switch fault {
            case "altered": answer.seeds["site-3"]?.bytes[5] ^= 1
            // The first two of those that are put together are then at one point.
            case "at another's point": answer.seeds["site-3"]?.point = 2
            default: answer.seeds["site-3"] = nil
            }
            return answer
        }
        let sum = try cohort.run().sum
        #expect(cohort.exchange.survivors.count == 6)
        #expect(sum == cohort.plainSum(cohort.exchange.survivors))
    }

    @Test func messagesOutOfPlaceAreRefused() throws {
        var cohort = try SecureCohort(3, threshold: 2)
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
