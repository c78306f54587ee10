import Federation
import Foundation
import Jobs
import Privacy
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Rounds whose coordinator checks the norms of masked updates, over mutual TLS.
@Suite(.timeLimit(.minutes(3))) struct MaskedNormTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let honest = ["site-1", "site-2", "site-3", "site-4"]

    private static func schema() throws -> WeightsSchema {
        try WeightsSchema([
            TensorSpec(name: "layer.weight", dtype: .f32, shape: [40, 60]),
            TensorSpec(name: "layer.bias", dtype: .f32, shape: [60]),
        ])
    }

    /// An update whose norm is `norm`.
    @Sendable private static func update(_ client: String, round: Int, norm: Double = 1) throws -> Weights {
        let seed = Float(client.utf8.reduce(round * 3) { $0 + Int($1) } % 17)
        let raw = Weights(schema: try schema()) { bytes in
            for index in 0..<(bytes.count / 4) {
                let value = (seed + Float((index * 7919) % 101) - 50) / 50
                bytes.storeBytes(of: value, toByteOffset: index * 4, as: Float.self)
            }
        }
        return try FlatClipping.clipped(raw, to: norm)
    }

    private static func initial() throws -> [UInt8] { Safetensors.encode(Weights(schema: try schema()) { _ in }) }

    private static func specification(
        _ clients: [String], checks: Bool = true, attempts: Int = 2, rounds: Int = 1,
        change: (inout JobSpecification) -> Void = { _ in }
    ) -> JobSpecification {
        SecureFixtures.specification(minimum: honest.count, rounds: rounds, attempts: attempts) {
            $0.clients = .init(
                minimum: honest.count, perRound: clients.count, minimumUpdates: honest.count, participants: clients)
            $0.secureAggregation["clipNorm"] = 1
            if checks { $0.secureAggregation["projections"] = 32 }
            change(&$0)
        }
    }

    private struct Outcome: Sendable {
        var summary: Tributary_V1_JobSummary
        var rounds: [Tributary_V1_RoundRecord]
        var weights: [UInt8]
        var audit = ""
    }

    private func run(
        _ specification: JobSpecification, _ sites: [SecureSite], name: String
    ) async throws -> Outcome {
        let settings = Fixtures.settings {
            $0.heartbeat = .seconds(60)
            // Named participants are waited for: the first cohort has all of them.
            $0.policy.settleMilliseconds = 60_000
        }
        let initial = try Self.initial()
        try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        var outcome = try await TestServer.run(folder: folder.file(name), settings: settings) { server in
            let job = try await server.submit(specification, weights: initial).job
            return try await SecureDoor.with(server) { door in
                try await door.withSites(sites) {
                    let summary = try await server.finished(job)
                    return Outcome(
                        summary: summary, rounds: try await server.rounds(job),
                        weights: summary.state == "finished" ? try await server.export(job).1 : [])
                }
            }
        }
        outcome.audit = String(decoding: try folder.read("\(name)/audit.log"), as: UTF8.self)
        return outcome
    }

    private static func site(
        _ name: String, norm: Double = 1, features: [String] = ProtocolVersion.features,
        lie: SecureSite.Lie? = nil,
        conduct: @escaping @Sendable (SecureRequest, TaskIdentity) -> SecureSite.Conduct = { _, _ in .answer }
    ) -> SecureSite {
        SecureSite(
            name, features: features, update: { try update(name, round: $0, norm: norm) }, lie: lie, conduct: conduct)
    }

    /// What the honest sites alone give without a check.
    private func honestResult(rounds: Int = 1) async throws -> [UInt8] {
        let specification = Self.specification(Self.honest, checks: false, rounds: rounds)
        let outcome = try await run(specification, Self.honest.map { Self.site($0) }, name: "honest")
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        return outcome.weights
    }

    @Test("With honest clients the check changes no bit, also when one falls silent at the end")
    func honest() async throws {
        let expected = try await honestResult(rounds: 2)
        let checked = try await run(
            Self.specification(Self.honest, rounds: 2), Self.honest.map { Self.site($0) }, name: "checked")
        #expect(checked.summary.state == "finished", "\(checked.summary.reason)")
        #expect(checked.weights == expected && checked.rounds.map(\.attempt) == [0, 0])
        let silent = try await run(
            Self.specification(Self.honest, rounds: 1) { $0.secureAggregation["threshold"] = 3 },
            [Self.site("site-1") { request, _ in request.step == .signatures ? .fail : .answer }]
                + Self.honest.dropFirst().map { Self.site($0) }, name: "silent")
        #expect(silent.summary.state == "finished", "\(silent.summary.reason)")
        #expect(silent.rounds.first?.admitted == Self.honest && silent.rounds.first?.attempt == 0)
    }

    @Test("A client ten times over the norm is named and left out; the result is that of the others bit for bit")
    func tooLong() async throws {
        let expected = try await honestResult()
        let names = Self.honest + ["site-5"]
        let sites = Self.honest.map { Self.site($0) } + [Self.site("site-5", norm: 10)]
        let outcome = try await run(
            Self.specification(names) { $0.limits.quarantineAfter = 1 }, sites, name: "hostile")
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.weights == expected)
        let last = try #require(outcome.rounds.last)
        #expect(last.attempt == 1 && last.admitted == Self.honest)
        // The round tells who was refused in the attempt before.
        #expect(last.refusals.map { "\($0.client) \($0.code)" } == ["site-5 masked-norm"])
        #expect(outcome.audit.contains("masked-norm") && outcome.audit.contains("times the clipping norm"))
        #expect(outcome.audit.contains("left out of further rounds after 1 refused updates"))
        // Every attempt has coefficients of its own, and they are sent after the list was closed.
        let seeds = sites[0].requests.withLock { requests in
            requests.compactMap { if case .signatures(_, let seed) = $0 { seed } else { nil } }
        }
        #expect(seeds.count == 2 && Set(seeds).count == 2 && seeds.allSatisfy { $0.count == 32 })
    }

    @Test("Who lies about masks is named where it lies about most, and takes its neighbour along where about one")
    func lies() async throws {
        let names = Self.honest + ["site-5", "site-6"]
        func sites(_ liedTo: Set<String>) -> [SecureSite] {
            let lie = SecureSite.Lie { for name in liedTo { $0.projections[name]?[3] &+= 5 } }
            return names.dropLast().map { Self.site($0) } + [Self.site("site-6", lie: lie)]
        }
        let most = try await run(
            Self.specification(names), sites(["site-1", "site-2", "site-3"]), name: "most")
        #expect(most.rounds.last?.admitted == Self.honest + ["site-5"], "\(most.summary.reason)")
        let one = try await run(Self.specification(names), sites(["site-5"]), name: "one")
        #expect(one.rounds.last?.admitted == Self.honest, "\(one.summary.reason)")
        #expect(one.audit.contains("masked-norm-suspect"))
    }

    @Test("Answers with sums that are missing or of a wrong size cost their sender, and nobody else")
    func malformed() async throws {
        let expected = try await honestResult()
        let names = Self.honest
        let lies = [
            ("32 sums for each", SecureSite.Lie { $0.projections = [:] }),
            (
                "shares.projections.sums",
                SecureSite.Lie { $0.projections["site-1"] = [UInt32](repeating: 0, count: 4000) }
            ),
        ]
        for (number, (reason, lie)) in lies.enumerated() {
            let sites = names.dropLast().map { Self.site($0) } + [Self.site("site-4", lie: lie)]
            let outcome = try await run(
                Self.specification(names) { $0.secureAggregation["threshold"] = 3 }, sites, name: "bad-\(number)")
            #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
            #expect(outcome.weights == expected && outcome.audit.contains(reason), "\(reason)")
        }
    }

    @Test("A client of an older version gets no task of such a job")
    func older() async throws {
        let expected = try await honestResult()
        let old = Self.site("site-5", features: ["secure-aggregation"])
        let outcome = try await run(
            Self.specification(Self.honest + ["site-5"], attempts: 1), Self.honest.map { Self.site($0) } + [old],
            name: "older")
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.weights == expected && outcome.rounds.first?.admitted == Self.honest)
        #expect(old.requests.withLock { $0 }.allSatisfy { $0.step == .end })
        let refusal = outcome.rounds.first?.refusals.first { $0.client == "site-5" }
        #expect(refusal?.reason.contains("masked-norm") == true, "\(outcome.rounds)")
    }

    @Test("A model with too few elements for the sums is refused at submission")
    func tooSmall() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = Self.specification(Self.honest) { $0.attempts = 5 }
            let initial = try Self.initial()
            let error = await #expect(throws: (any Error).self) {
                try await server.submit(specification, weights: initial)
            }
            #expect(error.map { "\($0)" }?.contains("at least 2560 elements") == true)
        }
    }
}
