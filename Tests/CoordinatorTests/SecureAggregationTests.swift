import Federation
import Foundation
import Jobs
import Logging
import Privacy
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Rounds with secure aggregation between a coordinator and clients, over mutual TLS.
@Suite(.timeLimit(.minutes(10))) struct SecureAggregationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    static let names = ["site-1", "site-2", "site-3", "site-4"]

    /// Sites of which the first conducts itself as given.
    static func sites(
        _ conduct: @escaping @Sendable (SecureRequest, TaskIdentity) -> SecureSite.Conduct
    ) -> [SecureSite] {
        [SecureSite("site-1", conduct: conduct)] + names.dropFirst().map { SecureSite($0) }
    }

    struct Outcome: Sendable {
        var summary: Tributary_V1_JobSummary
        var rounds: [Tributary_V1_RoundRecord]
        var weights: [UInt8]
        var audit: String
    }

    /// Runs a job to its end.
    func run(_ specification: JobSpecification, _ sites: [SecureSite], weights hasWeights: Bool = true) async throws
        -> Outcome
    {
        var outcome = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification).job
            return try await SecureDoor.with(server) { door in
                try await door.withSites(sites) {
                    let summary = try await server.finished(job)
                    return Outcome(
                        summary: summary, rounds: try await server.rounds(job),
                        weights: hasWeights ? try await server.export(job).1 : [], audit: "")
                }
            }
        }
        // The log is written in its own time, and complete when the coordinator has ended.
        outcome.audit = String(decoding: try folder.read("audit.log"), as: UTF8.self)
        return outcome
    }

    static func canonical(_ weights: Weights) -> [UInt8] { Safetensors.encode(weights) }

    @Test("Two rounds give the plain quantised mean bit for bit")
    func mean() async throws {
        let sites = Self.names.map { SecureSite($0) }
        let outcome = try await run(SecureFixtures.specification(rounds: 2), sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        let first = try SecureFixtures.weights(of: Self.names, cohort: 4)
        let second = try SecureFixtures.weights(of: Self.names, cohort: 4, round: 1, from: first)
        #expect(outcome.weights == Self.canonical(second))
        #expect(outcome.rounds.map(\.admitted) == [Self.names, Self.names])
        #expect(!outcome.audit.contains("secure.refused"))
    }

    @Test("With distributed privacy the sum has every client's noise and nothing else, and the charge is told")
    func distributed() async throws {
        let specification = SecureFixtures.specification {
            $0.secureAggregation = ["threshold": 0.55]
            $0.privacy = ["mechanism": "distributed", "noiseMultiplier": 1.5, "clipNorm": 0.5, "delta": 1e-5]
        }
        let outcome = try await run(specification, Self.names.map { SecureSite($0) })
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        let expected = try SecureFixtures.noisedWeights(of: Self.names, specification)
        #expect(outcome.weights == Self.canonical(expected))
        #expect(outcome.weights != Self.canonical(try SecureFixtures.weights(of: Self.names, cohort: 4)))
        #expect((outcome.summary.metrics["epsilon"] ?? 0) > 0)
    }

    @Test(
        "A client that leaves before a step costs only itself",
        arguments: [
            (SecureRequest.Step.invitation, false), (.roster, false), (.check, false), (.boxes, false),
            (.survivors, true), (.signatures, true),
        ])
    func dropOut(step: SecureRequest.Step, isInTheSum: Bool) async throws {
        let sites = Self.sites { request, _ in request.step == step ? .leave : .answer }
        // Long enough for the others on a busy machine: only the one that left lets it pass.
        let specification = SecureFixtures.specification(stepDeadline: 40) { $0.deadline = 80 }
        let outcome = try await run(specification, sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        let survivors = isInTheSum ? Self.names : Array(Self.names.dropFirst())
        #expect(outcome.rounds.first?.admitted == survivors)
        #expect(outcome.weights == Self.canonical(try SecureFixtures.weights(of: survivors, cohort: 4)))
    }

    @Test(
        "A client that connects again in the middle of a step goes on with it",
        arguments: [SecureRequest.Step.invitation, .roster, .check, .boxes, .survivors, .signatures])
    func reconnect(step: SecureRequest.Step) async throws {
        let sites = Self.sites { request, _ in request.step == step ? .reconnect : .answer }
        let outcome = try await run(SecureFixtures.specification(), sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.weights == Self.canonical(try SecureFixtures.weights(of: Self.names, cohort: 4)))
        #expect(!outcome.audit.contains("secure.refused"))
    }

    @Test(
        "With too few clients the attempt ends with its reason and the next one has fresh keys",
        arguments: [
            (SecureRequest.Step.invitation, "sent keys"), (.roster, "shared their secrets"),
            (.check, "have shares that can be opened"), (.survivors, "signed"), (.signatures, "shares of the"),
        ])
    func tooFew(step: SecureRequest.Step, reason: String) async throws {
        let conduct = { @Sendable (request: SecureRequest, task: TaskIdentity) -> SecureSite.Conduct in
            task.attempt == 0 && request.step == step ? .fail : .answer
        }
        let sites =
            [SecureSite("site-1", conduct: conduct), SecureSite("site-2", conduct: conduct)]
            + ["site-3", "site-4"].map { SecureSite($0) }
        let outcome = try await run(SecureFixtures.specification(minimum: 2, attempts: 2), sites)
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.rounds.first?.attempt == 1)
        #expect(outcome.weights == Self.canonical(try SecureFixtures.weights(of: Self.names, cohort: 4)))
        let ends = sites[2].requests.withLock { requests in
            requests.compactMap { request in if case .end(let reason) = request { reason } else { nil } }
        }
        #expect(ends.first?.contains(reason) == true, "\(ends)")
        // No key was used in two attempts.
        let keys = sites[3].requests.withLock { requests in
            requests.flatMap { request in
                if case .roster(let roster) = request { roster.map(\.keys.maskKey) } else { [[UInt8]]() }
            }
        }
        #expect(Set(keys).count == keys.count)
    }

    @Test("After the last attempt the job has failed and says why")
    func givesUp() async throws {
        let fails = { @Sendable (request: SecureRequest, _: TaskIdentity) -> SecureSite.Conduct in
            request.step == .roster ? .fail : .answer
        }
        let sites = Self.names.map { $0 < "site-3" ? SecureSite($0, conduct: fails) : SecureSite($0) }
        let outcome = try await run(SecureFixtures.specification(minimum: 2), sites, weights: false)
        #expect(outcome.summary.state == "failed")
        #expect(
            outcome.summary.reason.contains("2 clients shared their secrets, at least 3"), "\(outcome.summary.reason)")
    }

    @Test("An alarm that rings late, in a step that it was not set for, closes nothing")
    func lateAlarm() async throws {
        let ring = Mutex<(@Sendable () -> Void)?>(nil)
        // Before its own answer, which the step still waits for.
        let sites = Self.sites { _, _ in
            ring.withLock { $0 }?()
            return .answer
        }
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(SecureFixtures.specification()).job
            ring.withLock { $0 = { server.coordinator.core.jobs.runner(job)?.secure?.overdue() } }
            try await SecureDoor.with(server) { door in
                try await door.withSites(sites) {
                    let summary = try await server.finished(job)
                    #expect(summary.state == "finished", "\(summary.reason)")
                    let rounds = try await server.rounds(job)
                    #expect(rounds.first?.admitted == Self.names)
                    #expect(
                        try await server.export(job).1
                            == Self.canonical(
                                SecureFixtures.weights(of: Self.names, cohort: 4)))
                }
            }
        }
    }

    // MARK: Restart

    @Test("A coordinator that is started again begins the attempt anew, and nothing is stuck")
    func restart() async throws {
        let specification = SecureFixtures.specification(attempts: 2)
        let silent = Self.names.map { name in
            SecureSite(name, conduct: { request, _ in request.step == .survivors ? .send([]) : .answer })
        }
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(specification).job
            return try await SecureDoor.with(server) { door in
                try await door.withSites(silent) {
                    while !silent.allSatisfy({ site in
                        site.requests.withLock { $0.contains { $0.step == .survivors } }
                    }) {
                        try Task.checkCancellation()
                        await Task.yield()
                    }
                    return job
                }
            }
        }
        let outcome = try await TestServer.run(folder: folder.path) { server in
            try await SecureDoor.with(server) { door in
                try await door.withSites(Self.names.map { SecureSite($0) }) {
                    Outcome(
                        summary: try await server.finished(job), rounds: try await server.rounds(job),
                        weights: try await server.export(job).1, audit: "")
                }
            }
        }
        #expect(outcome.summary.state == "finished", "\(outcome.summary.reason)")
        #expect(outcome.rounds.first?.attempt == 1)
        #expect(outcome.weights == Self.canonical(try SecureFixtures.weights(of: Self.names, cohort: 4)))
    }

    // MARK: Submission

    @Test("A round of more clients than a message of everybody's keys has room for is refused at submission")
    func tooMany() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = SecureFixtures.specification(clients: 501, minimum: 300) {
                $0.secureAggregation["degree"] = 40
            }
            let error = await #expect(throws: (any Error).self) { try await server.submit(specification) }
            let text = error.map { "\($0)" } ?? ""
            #expect(text.contains("at most 500"), "\(text)")
        }
    }
}
