import Crypto
import Testing

@testable import Privacy

/// A client whose shares nobody can open is left out before anybody masks with it; liars cannot do that to another.
@Suite struct ShareComplaintTests {
    private static let bad = "site-3"
    private static let others = (0..<8).map { "site-\($0)" }.filter { $0 != bad }

    /// Eight clients, of whose shares five are needed.
    private static func cohort(threshold: Int = 5, degree: Int? = nil) throws -> SecureCohort {
        try SecureCohort(8, degree: degree, threshold: threshold, minimum: 4)
    }

    /// Noise instead of what one client sealed for some.
    private static func garbage(for victims: Set<String>) -> (String, [SealedShare]) -> [SealedShare] {
        { sender, shares in
            guard sender == bad else { return shares }
            return shares.map { share in
                guard victims.contains(share.recipient) else { return share }
                return SealedShare(
                    sender: share.sender, recipient: share.recipient, box: [UInt8](repeating: 7, count: share.box.count)
                )
            }
        }
    }

    @Test("One bad client among eight is left out, and the sum is that of the others")
    func oneBadClient() throws {
        var cohort = try Self.cohort()
        cohort.seal = Self.garbage(for: Set(Self.others))
        let outcome = try cohort.run()
        #expect(outcome.sum == cohort.plainSum(Self.others))
        #expect(cohort.exchange.survivors == Self.others)
        let exclusion = try #require(cohort.exchange.excluded.first)
        #expect(cohort.exchange.excluded.count == 1 && exclusion.client == Self.bad && exclusion.isToBlame)
        #expect(
            exclusion.reason
                == "7 of 7 neighbours cannot open the client's shares: 1 good share left, at least 5 are needed")
        // Nobody gives anything of it away, as it never masked.
        for answer in cohort.answers { #expect(answer.seeds[Self.bad] == nil && answer.keys[Self.bad] == nil) }
    }

    @Test("In a sparse graph the neighbours decide")
    func sparse() throws {
        var cohort = try Self.cohort(threshold: 4, degree: 4)
        cohort.seal = Self.garbage(for: Set(Self.others))
        // With one neighbour less the others have no more shares than are needed.
        let outcome = try cohort.run()
        #expect(cohort.exchange.excluded.map(\.client) == [Self.bad])
        #expect(cohort.exchange.excluded.first?.neighbours == 4)
        #expect(outcome.sum == cohort.plainSum(Self.others))
    }

    @Test("With enough good shares a client stays, and those who cannot open theirs mask with it all the same")
    func fewBadShares() throws {
        for leaves in [false, true] {
            var cohort = try Self.cohort()
            cohort.seal = Self.garbage(for: ["site-0", "site-1"])
            let outcome = try cohort.run(beforeMasking: leaves ? [Self.bad] : [])
            #expect(cohort.exchange.excluded == [])
            #expect(outcome.sum == cohort.plainSum(cohort.exchange.survivors))
            #expect(cohort.exchange.survivors.contains(Self.bad) == !leaves)
        }
    }

    @Test("A minority of liars throws nobody out, and does not hurt when it keeps its shares back, too")
    func minority() throws {
        let liars: Set = ["site-0", "site-1", "site-2"]
        var cohort = try Self.cohort()
        cohort.complain = { client, names in
            liars.contains(client) ? (Self.others + [Self.bad]).filter { $0 != client }.sorted() : names
        }
        cohort.answer = { answer in
            guard liars.contains(answer.client) else { return answer }
            return UnmaskingShares(
                client: answer.client, seeds: answer.seeds.filter { $0.key == answer.client }, keys: [:])
        }
        let outcome = try cohort.run()
        #expect(cohort.exchange.excluded == [])
        #expect(cohort.exchange.survivors.count == 8)
        #expect(outcome.sum == cohort.plainSum(cohort.exchange.survivors))
    }

    @Test("Who is left out because of few complaints is accused of nothing; what a majority says is believed")
    func blame() throws {
        for (threshold, liars, isToBlame) in [(7, 2, false), (6, 3, false), (5, 4, true)] {
            var cohort = try Self.cohort(threshold: threshold)
            cohort.complain = { client, names in
                Self.others.prefix(liars).contains(client) ? [Self.bad] : names
            }
            // Seven are left, as many as are needed.
            let outcome = try cohort.run()
            #expect(cohort.exchange.excluded.map(\.client) == [Self.bad])
            #expect(cohort.exchange.excluded.first?.isToBlame == isToBlame, "\(liars) of 7")
            #expect(outcome.sum == cohort.plainSum(Self.others))
        }
    }

    @Test("Who says nothing is out of the round, and no complaint is counted for it or of it")
    func silent() throws {
        var cohort = try Self.cohort()
        let outcome = try cohort.run(beforeChecking: ["site-6", "site-7"])
        #expect(cohort.exchange.excluded == [])
        #expect(cohort.exchange.survivors == (0..<6).map { "site-\($0)" })
        #expect(outcome.sum == cohort.plainSum(cohort.exchange.survivors))
    }

    @Test("With too few left the round ends, and says who it was")
    func tooFew() throws {
        var cohort = try SecureCohort(4, threshold: 3, minimum: 4)
        cohort.seal = Self.garbage(for: ["site-0", "site-1", "site-2"])
        let error = #expect(throws: PrivacyError.self) { try cohort.run() }
        #expect(error?.message.contains("3 clients have shares that can be opened, at least 4") == true)
        #expect(cohort.exchange.phase == .over)
        #expect(cohort.exchange.excluded.map(\.client) == [Self.bad])
    }

    @Test("A share that can be opened and is that of another holder is complained of")
    func wrongPoint() throws {
        let secret = try PrivacySecret(bytes: [UInt8](repeating: 8, count: 32))
        var words = secret.stream(purpose: "secure aggregation", round: 0).words()
        let channel = try Curve25519.KeyAgreement.PrivateKey(
            rawRepresentation: (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &words) })
        let names = ["a", "b", "c"]
        let round = try SecureRound(context: "r", cohort: 3, degree: nil, threshold: 2)
        let identities = TransientIdentity.make(for: names)
        var clients = try names.map { name in
            try SecureClient(
                client: name, round: round, identity: #require(identities[name]),
                secret: name == "a" ? secret : PrivacySecret())
        }
        let roster = try clients.indices.map { try clients[$0].advertise() }
        let digest = SecureDigest.roster(roster, "r")
        _ = try clients[1].share(roster)
        let key = try SecureAgreement.key(channel, roster[1].channelKey, purpose: "channel", salt: digest)
        func share(_ text: [UInt8]) throws -> SealedShare {
            let box = try ChaChaPoly.seal(
                text, using: SymmetricKey(data: key),
                authenticating: SecureDigest.of("share", "r", [digest, Array("a".utf8), Array("b".utf8)]))
            return SealedShare(sender: "a", recipient: "b", box: Array(box.combined))
        }
        let good = [UInt8](repeating: 1, count: 64)
        for (text, complaints) in [([2] + good, []), ([3] + good, ["a"]), ([2] + good.dropLast(), ["a"]), ([], ["a"])]
            as [([UInt8], [String])]
        {
            var client = clients[1]
            #expect(try client.check([share(text)]) == complaints)
            // Nothing but what was looked at is masked with.
            #expect(throws: PrivacyError.self) { try client.masks([share([2] + good.reversed())]) }
        }
    }

    @Test("Complaints of strangers, about strangers and for the second time are refused")
    func wrongComplaints() throws {
        var cohort = try Self.cohort()
        let names = try cohort.shared().keys.sorted()
        for wrong in [["stranger"], ["site-0"], ["site-1", "site-1"]] {
            #expect(throws: PrivacyError.self) { try cohort.exchange.receive(complaints: wrong, from: "site-0") }
        }
        #expect(throws: PrivacyError.self) { try cohort.exchange.receive(complaints: [], from: "stranger") }
        for name in names { try cohort.exchange.receive(complaints: [], from: name) }
        #expect(cohort.exchange.isComplete)
        #expect(throws: PrivacyError.self) { try cohort.exchange.receive(complaints: [], from: names[0]) }
    }
}
