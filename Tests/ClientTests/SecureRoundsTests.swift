import Durability
import Foundation
import GRPCCore
import GRPCInProcessTransport
import Identity
import Jobs
import Logging
import Privacy
import SwiftProtobuf
import Testing
import Wire
import WireMessages
import X509

@testable import Client

/// The daemon's side of rounds with secure aggregation, against a coordinator that a test plays.
@Suite(.timeLimit(.minutes(10))) struct SecureRoundsTests {
    private static let task = TaskIdentity(job: "job-1", round: 2, attempt: 1, kind: .train)
    private let federation: TestFederation
    private let specification: JobSpecification
    private let settings: SecureAggregationSettings
    private let link = SessionLink()
    private let rounds: SecureRounds
    private let messages: AsyncStream<Tributary_V1_ClientMessage>
    private let outbound: AsyncStream<Tributary_V1_ClientMessage>.Continuation

    init() throws {
        federation = try TestFederation()
        var specification = JobSpecification(name: "test", model: ["name": "any"], data: "any", rounds: 1)
        specification.clients = .init(minimum: 3, minimumUpdates: 2)
        specification.secureAggregation = ["threshold": 2, "range": 2, "bits": 16]
        self.specification = specification
        settings = try #require(try SecureAggregationSettings.reading(specification.secureAggregation))
        rounds = SecureRounds(
            client: "a", rule: nil, link: link, crashPoints: .none,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        (messages, outbound) = AsyncStream.makeStream()
    }

    /// Opens a session on a connection with a certificate.
    private func connect(_ identity: IdentityMaterial?) {
        // Never called.
        let client = Tributary_V1_Federation.Client(wrapping: GRPCClient(transport: InProcessTransport().client))
        _ = link.attach(CoordinatorConnection(client: client, identity: identity), outbound: outbound)
    }

    private func accepted() throws -> AcceptedTask {
        let json = try specification.canonicalJSON()
        return try AcceptedTask(
            .with {
                $0.identity = Self.task.message
                $0.specification = json
                $0.weightsBytes = 1
                $0.weightsDigest = String(repeating: "0", count: 64)
                $0.schemaDigest = String(repeating: "0", count: 64)
            }, identity: Self.task)
    }

    /// Runs the rounds beside `body`.
    private func running<Value: Sendable>(
        _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { [rounds] in
                await rounds.run()
                return nil
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    /// Asks for a step and waits for the answer.
    private func ask(_ request: SecureRequest) async throws -> SecureAnswer {
        rounds.receive(request.message(Self.task))
        for await message in messages {
            guard case .secure(let answer)? = message.message, let read = try SecureAnswer(answer, of: "a") else {
                throw ClientError(.task, "\(message)")
            }
            return read
        }
        throw CancellationError()
    }

    @Test("The masks of a round are given to one update, however many ask and whenever")
    func masksOnce() async throws {
        let materials = try Dictionary(
            uniqueKeysWithValues: ["a", "b", "c"].map { ($0, try federation.material($0)) })
        connect(materials["a"])
        try rounds.expect(accepted())
        try await running {
            var others: [String: SecureParticipant] = [:]
            var roster: [CertifiedKeys] = []
            for name in ["a", "b", "c"] {
                let material = try #require(materials[name])
                let answer: SecureAnswer?
                if name == "a" {
                    answer = try await ask(.invitation(cohort: 3))
                } else {
                    let identity = try CertificateIdentity(material)
                    var other = SecureParticipant(
                        Self.task, of: name, specification, settings, terms: try accepted().terms
                    ) { identity }
                    answer = try await other.take(.invitation(cohort: 3))
                    others[name] = other
                }
                guard case .keys(let keys)? = answer else { throw ClientError(.task, "no keys") }
                roster.append(CertifiedKeys(keys: keys, certificate: try material.certificate.participantDER()))
            }
            _ = try await ask(.roster(roster))
            var shares: [SealedShare] = []
            for name in ["b", "c"] {
                guard case .boxes(let boxes)? = try await others[name]?.take(.roster(roster)) else {
                    throw ClientError(.task, "no shares")
                }
                shares += boxes.filter { $0.recipient == "a" }
            }
            #expect(try await ask(.check(shares)) == .complaints([]))
            // A coordinator that has the same task trained twice, before and after the shares are here.
            let results = await withTaskGroup(of: Bool.self) { group in
                for _ in 0..<4 {
                    group.addTask { [rounds] in (try? await rounds.masking(Self.task, sizes: [5])) != nil }
                }
                rounds.receive(SecureRequest.boxes(shares).message(Self.task))
                return await group.reduce(into: [Bool]()) { $0.append($1) }
            }
            #expect(results.count { $0 } == 1)
            let error = await #expect(throws: ClientError.self) { try await rounds.masking(Self.task, sizes: [5]) }
            #expect(error?.message.contains("has them already") == true)
        }
    }

    @Test("Whoever waited for masks and is cancelled leaves its place to another")
    func cancelledWait() async throws {
        connect(try federation.material("a"))
        try rounds.expect(accepted())
        for _ in 0..<2 {
            let wait = Task { [rounds] in try await rounds.masking(Self.task, sizes: [5]) }
            wait.cancel()
            await #expect(throws: CancellationError.self) { try await wait.value }
        }
        rounds.forget(Self.task, reason: "over")
        let error = await #expect(throws: ClientError.self) { try await rounds.masking(Self.task, sizes: [5]) }
        #expect(error?.message.contains("the round is over") == true)
    }

    /// Whether keys are signed with a certificate.
    private func isSigned(_ answer: SecureAnswer, with material: IdentityMaterial) async throws -> Bool {
        guard case .keys(let keys) = answer else { return false }
        let identity = try CertificateIdentity(material)
        try await identity.learn([
            CertifiedKeys(keys: keys, certificate: try material.certificate.participantDER())
        ])
        let round = try SecureRound(
            settings, of: Self.task, cohort: 3, clients: specification.clients, terms: accepted().terms)
        return keys.isSigned(in: round, accordingTo: identity)
    }

    @Test("Keys are signed with the certificate of the session's connection: of the old one, and of one renewed since")
    func renewed() async throws {
        let (old, renewed) = (try federation.material("a"), try federation.material("a"))
        try await running {
            for isNewSession in [false, true] {
                connect(old)
                try rounds.expect(accepted())
                if isNewSession { connect(renewed) }
                let answer = try await ask(.invitation(cohort: 3))
                #expect(try await isSigned(answer, with: old) == !isNewSession)
                #expect(try await isSigned(answer, with: renewed) == isNewSession)
            }
        }
    }

    @Test("On a session without a certificate such a task is declined")
    func noCertificate() throws {
        connect(nil)
        #expect(throws: SiteRules.Refusal.self) { try rounds.expect(accepted()) }
    }
}
