import Foundation
import Identity
import Jobs
import Privacy
import TestSupport
import Testing
import Weights
import Wire
import X509

@testable import Client

/// A client's part in a round with secure aggregation, with certificates of a real CA.
@Suite struct SecureParticipantTests {
    private static let names = ["a", "b", "c"]
    private static let task = TaskIdentity(job: "job-1", round: 2, attempt: 1, kind: .train)
    private let federation: TestFederation
    private var materials: [String: IdentityMaterial] = [:]
    private let specification: JobSpecification
    private let settings: SecureAggregationSettings

    init() throws {
        federation = try TestFederation()
        for name in Self.names { materials[name] = try federation.material(name) }
        var specification = JobSpecification(name: "test", model: ["name": "any"], data: "any", rounds: 1)
        specification.clients = .init(minimum: 3, minimumUpdates: 2)
        specification.secureAggregation = ["threshold": 2, "range": 2, "bits": 16]
        self.specification = specification
        settings = try #require(try SecureAggregationSettings.reading(specification.secureAggregation))
    }

    private static let terms = RoundTerms(specification: Data("job".utf8), weightsDigest: "w")

    private func participant(
        _ name: String, terms: RoundTerms = terms, rule: SecureAggregationRule? = nil
    ) throws -> SecureParticipant {
        let identity = try CertificateIdentity(#require(materials[name]))
        return SecureParticipant(Self.task, of: name, specification, settings, terms: terms, rule: rule) { identity }
    }

    private func certificate(_ material: IdentityMaterial?) throws -> [UInt8] {
        try #require(material).certificate.participantDER()
    }

    /// Three participants that advertised, and what the coordinator would pass on.
    private func advertised() async throws -> (participants: [String: SecureParticipant], roster: [CertifiedKeys]) {
        var participants: [String: SecureParticipant] = [:]
        var roster: [CertifiedKeys] = []
        for name in Self.names {
            var own = try participant(name)
            guard case .keys(let keys)? = try await own.take(.invitation(cohort: 3)) else {
                throw ClientError(.task, "no keys")
            }
            roster.append(CertifiedKeys(keys: keys, certificate: try certificate(materials[name])))
            participants[name] = own
        }
        return (participants, roster)
    }

    @Test("Three clients and an exchange give masks that cancel")
    func round() async throws {
        var (participants, roster) = try await advertised()
        var exchange = try SecureExchange(
            round: SecureRound(
                settings, of: Self.task, cohort: 3, clients: specification.clients, terms: Self.terms),
            cohort: Self.names, minimum: 2)
        for entry in roster { try exchange.receive(entry.keys) }
        _ = try exchange.closeAdvertising()
        for name in Self.names {
            guard case .boxes(let shares)? = try await participants[name]?.take(.roster(roster)) else {
                throw ClientError(.task, "no shares")
            }
            try exchange.receive(shares, from: name)
        }
        let sealed = try exchange.closeSharing()
        for name in Self.names {
            guard case .complaints(let names)? = try await participants[name]?.take(.check(sealed[name] ?? [])) else {
                throw ClientError(.task, "no word about the shares")
            }
            #expect(names == [])
            try exchange.receive(complaints: names, from: name)
        }
        let boxes = try exchange.closeChecking()
        var sum = [UInt32](repeating: 0, count: 5)
        // The last one leaves with its masks.
        for name in Self.names {
            #expect(try await participants[name]?.take(.boxes(boxes[name] ?? [])) == nil)
            let masking = try #require(participants[name]?.masking)
            guard name != "c" else { continue }
            sum.withUnsafeMutableBufferPointer { words in
                for mask in masking.masks { mask.apply(tensor: 0, start: 0, to: words) }
            }
            try exchange.maskedUpdateArrived(from: name)
        }
        #expect(sum != [0, 0, 0, 0, 0])
        let survivors = try exchange.closeMasking()
        for name in survivors {
            guard case .signature(let signature)? = try await participants[name]?.take(.survivors(survivors)) else {
                throw ClientError(.task, "no signature")
            }
            try exchange.receive(signature)
        }
        let signatures = try exchange.closeSigning()
        for name in survivors {
            guard case .shares(let shares)? = try await participants[name]?.take(.signatures(signatures)) else {
                throw ClientError(.task, "no shares")
            }
            try exchange.receive(shares)
        }
        let masks = try exchange.closeUnmasking()
        sum.withUnsafeMutableBufferPointer { words in
            for mask in masks { mask.apply(tensor: 0, start: 0, to: words) }
        }
        #expect(sum == [0, 0, 0, 0, 0])
    }

    @Test("The same request gets the same answer, another one for the same step ends the client's part")
    func repeated() async throws {
        var own = try participant("a")
        let first = try await own.take(.invitation(cohort: 3))
        #expect(try await own.take(.invitation(cohort: 3)) == first)
        let error = await #expect(throws: PrivacyError.self) { try await own.take(.invitation(cohort: 2)) }
        #expect(error?.message.contains("second, different request") == true)
        // Not even the first one is answered any more.
        await #expect(throws: PrivacyError.self) { try await own.take(.invitation(cohort: 3)) }
    }

    struct Forgery: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var reason: String
        var change: @Sendable (inout [CertifiedKeys], SecureParticipantTests) throws -> Void
    }

    static let forgeries: [Forgery] = [
        Forgery(testDescription: "the certificate of another client", reason: "is that of 'c'") { roster, tests in
            roster[1].certificate = try tests.certificate(tests.materials["c"])
        },
        Forgery(testDescription: "a certificate of another CA", reason: "not signed by the federation's CA") {
            roster, _ in
            roster[1].certificate = try TestFederation().material("b").certificate.participantDER()
        },
        Forgery(testDescription: "another certificate of the same name", reason: "not signed by it") { roster, tests in
            roster[1].certificate = try tests.federation.material("b").certificate.participantDER()
        },
        Forgery(testDescription: "an operator's certificate", reason: "that of a operator") { roster, tests in
            roster[1].certificate = try tests.federation.material("b", role: .operator).certificate.participantDER()
        },
        Forgery(testDescription: "an expired certificate", reason: "ended on") { roster, tests in
            roster[1].certificate = try tests.federation.material("b", notAfter: Date().addingTimeInterval(-60))
                .certificate.participantDER()
        },
        Forgery(testDescription: "bytes that are no certificate", reason: "cannot be read") { roster, _ in
            roster[1].certificate = [1, 2, 3]
        },
        Forgery(testDescription: "a wrong signature", reason: "not signed by it") { roster, _ in
            roster[1].keys.signature[10] ^= 1
        },
        Forgery(testDescription: "other keys under a right certificate", reason: "not signed by it") { roster, _ in
            roster[1].keys.maskKey = roster[2].keys.maskKey
        },
        Forgery(testDescription: "other keys of the client itself", reason: "other keys of this client") { roster, _ in
            roster[0].keys = roster[1].keys
            roster[0].keys.client = "a"
        },
        Forgery(testDescription: "more clients than the round has", reason: "in a round of 3") { roster, _ in
            roster.append(roster[2])
        },
    ]

    @Test("Keys that the coordinator changed are found out", arguments: forgeries)
    func forged(_ forgery: Forgery) async throws {
        var (participants, roster) = try await advertised()
        try forgery.change(&roster, self)
        let error = await #expect(throws: PrivacyError.self) { try await participants["a"]?.take(.roster(roster)) }
        #expect(error?.message.contains(forgery.reason) == true, "\(error?.message ?? "")")
    }

    @Test("Keys of another attempt are no keys of this one")
    func otherAttempt() async throws {
        var (participants, roster) = try await advertised()
        let identity = try CertificateIdentity(#require(materials["b"]))
        var other = SecureParticipant(
            TaskIdentity(job: "job-1", round: 2, attempt: 0, kind: .train), of: "b", specification, settings,
            terms: Self.terms
        ) { identity }
        guard case .keys(let keys)? = try await other.take(.invitation(cohort: 3)) else {
            throw ClientError(.task, "no keys")
        }
        roster[1].keys = keys
        let error = await #expect(throws: PrivacyError.self) { try await participants["a"]?.take(.roster(roster)) }
        #expect(error?.message.contains("not signed by it") == true)
    }

    @Test("Clients to which the coordinator told another job, other weights or another cohort have no round together")
    func otherTerms() async throws {
        for (terms, cohort) in [
            (RoundTerms(specification: Data("a job with less noise".utf8), weightsDigest: "w"), 3),
            (RoundTerms(specification: Data("job".utf8), weightsDigest: "v"), 3), (Self.terms, 2),
        ] {
            var (participants, roster) = try await advertised()
            var other = try participant("b", terms: terms)
            guard case .keys(let keys)? = try await other.take(.invitation(cohort: cohort)) else {
                throw ClientError(.task, "no keys")
            }
            roster[1].keys = keys
            let error = await #expect(throws: PrivacyError.self) { try await participants["a"]?.take(.roster(roster)) }
            #expect(error?.message.contains("not signed by it") == true)
        }
    }

    @Test("A site's own threshold is checked against the cohort that it is invited to")
    func rule() async throws {
        var strict = try participant("a", rule: .init(threshold: 3))
        let error = await #expect(throws: PrivacyError.self) { try await strict.take(.invitation(cohort: 3)) }
        #expect(error?.message.contains("this site asks for secureAggregation.threshold from 3") == true)
        var content = try participant("a", rule: .init(threshold: 2))
        #expect(try await content.take(.invitation(cohort: 3)) != nil)
    }

    @Test("A list shorter than the job's smallest sum is not signed")
    func shortList() async throws {
        var (participants, roster) = try await advertised()
        var own = try #require(participants["a"])
        _ = try await own.take(.roster(roster))
        var shares: [SealedShare] = []
        for name in ["b", "c"] {
            if case .boxes(let boxes)? = try await participants[name]?.take(.roster(roster)) {
                shares += boxes.filter { $0.recipient == "a" }
            }
        }
        _ = try await own.take(.boxes(shares))
        let error = await #expect(throws: PrivacyError.self) { try await own.take(.survivors(["a"])) }
        #expect(error?.message.contains("at least 2") == true)
    }

    @Test(
        "A step without an invitation is refused", arguments: [SecureRequest.survivors(["a", "b"]), .signatures([])])
    func uninvited(_ request: SecureRequest) async throws {
        var own = try participant("a")
        await #expect(throws: PrivacyError.self) { try await own.take(request) }
    }

    @Test("A masked file holds the words of the whole update, and NaN stays at the site")
    func maskedFile() throws {
        let folder = try TemporaryFolder()
        // More elements than a block has, and a tensor that the job does not ask for.
        let values = (0..<70_001).map { Float($0 % 977) / 300 - 1.5 }
        let update = try Weights([
            (name: "w", shape: [70_001], values: values), (name: "b", shape: [2], values: [3, -3]),
        ])
        try Safetensors.write(update, to: folder.file("update"))
        let masking = UpdateMasking(
            encoding: try LatticeEncoding(range: 2, bits: 16, clients: 3),
            masks: [
                PairwiseMask(key: [UInt8](repeating: 5, count: 32), isAdded: true),
                PairwiseMask(key: [UInt8](repeating: 6, count: 32), isAdded: false),
            ])
        let (result, saturated) = try MaskedFile.finish(
            folder.file("update"), plain: update.schema, global: update.schema, masking: masking, protection: nil,
            to: folder.file("out"))
        let expected = try MaskedUpdate.masked(update, as: masking.encoding, with: masking.masks)
        #expect(try folder.read("out") == Safetensors.encode(expected.words))
        #expect(saturated == expected.saturated && saturated >= 2)
        #expect(result.bytes == Int64(Safetensors.encode(expected.words).count))
        let broken = try Weights([
            (name: "w", shape: [70_001], values: values), (name: "b", shape: [2], values: [.nan, 0]),
        ])
        try Safetensors.write(broken, to: folder.file("broken"))
        #expect(throws: ClientError.self) {
            try MaskedFile.finish(
                folder.file("broken"), plain: update.schema, global: update.schema, masking: masking, protection: nil,
                to: folder.file("none"))
        }
        #expect(!FileManager.default.fileExists(atPath: folder.file("none")))
    }
}
