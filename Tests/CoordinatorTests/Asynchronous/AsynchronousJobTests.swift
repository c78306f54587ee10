import Foundation
import Identity
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

/// Asynchronous jobs over the services: who is asked when, what an update is worth, and what is refused.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AsynchronousJobTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    static func job(
        rounds: Int = 2, minimum: Int = 3, _ settings: Settings = ["buffer": 2, "concurrency": 3],
        change: (inout JobSpecification) -> Void = { _ in }
    ) -> JobSpecification {
        Fixtures.specification(rounds: rounds, clients: minimum) {
            $0.asynchronous = settings
            change(&$0)
        }
    }

    /// One update of a version: whose, and from which version.
    struct Arrival: Sendable {
        var client: String
        var version: Int

        init(_ client: String, _ version: Int) {
            self.client = client
            self.version = version
        }
    }

    /// The float values after versions that are made of the given updates, by the published formula in double precision.
    static func values(_ versions: [[Arrival]], exponent: Double = 0.5, byExamples: Bool = true) throws -> [Double] {
        func floats(_ weights: Weights) throws -> [Double] {
            try ["layer.bias", "layer.weight"].flatMap { try weights.floats($0).map(Double.init) }
        }
        var values = try floats(Fixtures.initial)
        for (number, arrivals) in versions.enumerated() {
            let shares = arrivals.map { byExamples ? Double(Fixtures.examples(client: $0.client)) : 1 }
            for (arrival, share) in zip(arrivals, shares) {
                let update = try floats(try Fixtures.update(client: arrival.client, round: arrival.version))
                let factor = pow(1 + Double(number - arrival.version), -exponent) * share / shares.reduce(0, +)
                for index in values.indices { values[index] += factor * update[index] }
            }
        }
        return values
    }

    static func values(of bytes: [UInt8]) throws -> [Double] {
        let weights = try Safetensors.decode(bytes)
        return try ["layer.bias", "layer.weight"].flatMap { try weights.floats($0).map(Double.init) }
    }

    private func isEqual(_ found: [Double], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-5 }
    }

    /// Waits until a job's open or completed versions show `count` updates for a version.
    private func updates(_ count: Int, of version: Int, _ job: String, _ server: TestServer) async throws {
        _ = try await server.wait(for: job) { update in
            update.rounds.contains { $0.round == version && $0.admitted.count >= count }
        }
    }

    @Test(
        "Every order of arrival gives the weights of the formula, twice the same bits",
        arguments: [["a", "b", "c"], ["c", "b", "a"], ["b", "c", "a"]], ["mean", "uniform-mean"])
    func arrivals(order: [String], rule: String) async throws {
        var digests: Set<String> = []
        for _ in 0..<2 {
            let folder = try TemporaryFolder()
            let digest = try await TestServer.run(folder: folder.path) { server in
                let gates = Gates()
                let id = try await server.submit(Self.job { $0.aggregation = ["rule": .string(rule)] }).job
                return try await server.withSites(["a", "b", "c"].map { gates.site($0) }) {
                    gates.open("\(order[0])0")
                    try await updates(1, of: 0, id, server)
                    gates.open("\(order[1])0")
                    try await updates(2, of: 0, id, server)
                    // The slowest starts a version behind; then the second again, from the newest.
                    gates.open("\(order[2])0")
                    try await updates(1, of: 1, id, server)
                    gates.open("\(order[1])1")
                    let summary = try await server.finished(id)
                    #expect(summary.state == "finished")
                    let (header, bytes) = try await server.export(id)
                    let expected = try Self.values(
                        [
                            [Arrival(order[0], 0), Arrival(order[1], 0)], [Arrival(order[2], 0), Arrival(order[1], 1)],
                        ], byExamples: rule == "mean")
                    #expect(isEqual(try Self.values(of: bytes), expected))
                    let rounds = try await server.rounds(id)
                    #expect(rounds.map(\.phase) == ["completed", "completed"])
                    #expect(rounds.map(\.admitted) == [[order[0], order[1]].sorted(), [order[1], order[2]].sorted()])
                    #expect(rounds.map { $0.training["staleness"] } == [0, 0.5])
                    #expect(rounds.map { $0.training["maximumStaleness"] } == [0, 1])
                    #expect(
                        rounds.map(\.staleness) == [[order[0]: 0, order[1]: 0], [order[2]: 1, order[1]: 0]])
                    let card = try JSONDecoder().decode(ModelCard.self, from: header.card)
                    let ages = card.lineage.map {
                        Dictionary(uniqueKeysWithValues: $0.admitted.map { ($0.client, $0.staleness) })
                    }
                    #expect(ages == [[order[0]: 0, order[1]: 0], [order[2]: 1, order[1]: 0]])
                    let weights = card.lineage[1].admitted.first { $0.client == order[2] }?.weight
                    let share =
                        rule == "mean"
                        ? Double(Fixtures.examples(client: order[2]))
                            / Double(order[1...].reduce(0) { $0 + Fixtures.examples(client: $1) }) : 0.5
                    #expect(abs((weights ?? 0) - share * 0.5.squareRoot()) < 1e-9)
                    #expect(card.markdown().contains("\(order[2]) (1 version old)"))
                    return summary.weightsDigest
                }
            }
            digests.insert(digest)
        }
        #expect(digests.count == 1)
    }

    @Test("A restart in the middle of a buffer keeps what waits and applies it once")
    func restart() async throws {
        let gates = Gates()
        let id = try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(Self.job()).job
            try await server.withSites(["a", "b", "c"].map { gates.site($0) }) {
                gates.open("b0")
                try await updates(1, of: 0, id, server)
            }
            return id
        }
        // b is done; the others are asked for the same tasks again.
        let again = Gates()
        let sites = ["a", "b", "c"].map { again.site($0) }
        try await TestServer.run(folder: folder.path) { server in
            try await server.withSites(sites) {
                again.open("c0")
                try await updates(2, of: 0, id, server)
                again.open("a0")
                try await updates(1, of: 1, id, server)
                again.open("b1")
                let summary = try await server.finished(id)
                #expect(summary.state == "finished", "\(summary.reason)")
                let expected = try Self.values([
                    [Arrival("b", 0), Arrival("c", 0)], [Arrival("a", 0), Arrival("b", 1)],
                ])
                #expect(isEqual(try Self.values(of: try await server.export(id).1), expected))
                #expect(try await server.rounds(id).map(\.admitted) == [["b", "c"], ["a", "b"]])
            }
            #expect(try await server.coordinator.core.store.spooledUpdates().isEmpty)
        }
        let asked = sites[1].received.withLock { $0.compactMap { $0.task.hasIdentity ? $0.task.identity.round : nil } }
        #expect(asked == [1])
        // Nothing of the job is left in the spool, and only weights that an export may ask for.
        let spool = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/spool")
        #expect(spool.isEmpty)
    }

    @Test("The weights of an old version stay while a client trains from them, and go after it")
    func slowClient() async throws {
        let gates = Gates()
        let fast = ScriptedSite(
            "fast", examples: ["train": 10],
            answer: { $0.identity.round >= 7 ? .silence : .update },
            gate: { task in if task.identity.round > 0 { await gates.wait("fast") } })
        let slow = ScriptedSite(
            "slow", examples: ["train": 10], gate: { task in if task.identity.round > 0 { await gates.wait("slow") } })
        try await TestServer.run(folder: folder.path) { server in
            let job = Self.job(rounds: 8, minimum: 2, ["buffer": 1, "concurrency": 2, "exponent": 1])
            let id = try await server.submit(job).job
            try await server.withSites([fast, slow]) {
                await slow.wait { $0.task.hasIdentity && $0.task.identity.round > 0 }
                let started = try #require(
                    slow.received.withLock { messages in
                        messages.last { $0.task.hasIdentity }.map { Int($0.task.identity.round) }
                    })
                gates.open("fast")
                _ = try await server.wait(for: id) { $0.summary.roundsCompleted == 7 }
                let store = server.coordinator.core.store
                let kept = try await store.checkpoint(job: id, round: started - 1)
                #expect(kept != nil)
                // Those between it and the newest three are gone.
                for round in started..<4 { #expect(try await store.checkpoint(job: id, round: round) == nil) }
                gates.open("slow")
                let summary = try await server.finished(id)
                #expect(summary.state == "finished")
                let last = try #require(try await server.rounds(id).last)
                #expect(last.admitted == ["slow"])
                #expect(last.training["staleness"] == Double(7 - started))
                let card = try JSONDecoder().decode(ModelCard.self, from: try await server.export(id).0.card)
                let weight = try #require(card.lineage.last?.admitted.first?.weight)
                #expect(abs(weight - 1 / Double(8 - started)) < 1e-9)
                #expect(try await store.checkpoint(job: id, round: started - 1) == nil)
            }
        }
    }

    @Test("What would be too old is told to stop, and its update is refused with the reason")
    func stale() async throws {
        let gates = Gates()
        let late = gates.site("c")
        try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(
                Self.job(rounds: 3, ["buffer": 2, "concurrency": 3, "maximumStaleness": 0])
            ).job
            try await server.withSites([gates.site("a"), gates.site("b"), late]) {
                gates.open("a0", "b0")
                await late.wait { if case .cancel? = $0.message { true } else { false } }
                let task = try #require(late.received.withLock { $0.first { $0.task.hasIdentity }?.task })
                let bytes = Safetensors.encode(try Fixtures.update(client: "c", round: 0))
                let receipt = try await ScriptedSite.submit(
                    ScriptedSite.header(task, client: "c", bytes: bytes), bytes, server.federation, client: "c")
                #expect(receipt.status == .refused)
                #expect(receipt.code == "stale")
                gates.openAll()
                let summary = try await server.finished(id)
                #expect(summary.state == "finished", "\(summary.reason)")
            }
            let refusals = try await server.rounds(id).flatMap(\.refusals)
            #expect(refusals.contains { $0.client == "c" && $0.code == "stale" })
            #expect(
                refusals.filter { $0.code == "stale" }.allSatisfy {
                    $0.reason == "its weights are 1 versions old, asynchronous.maximumStaleness is 0"
                })
            #expect(try await server.rounds(id).allSatisfy { $0.training["maximumStaleness"] == 0 })
        }
    }

    @Test("A client that is gone gives its place up at its deadline; what it sends later is refused")
    func deadline() async throws {
        let clock = TestClock()
        let gates = Gates()
        let settings = Fixtures.settings { $0.clock = clock.clock }
        let gone = gates.site("c")
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let id = try await server.submit(Self.job(rounds: 1) { $0.deadline = 600 }).job
            try await server.withSites([gates.site("a"), gates.site("b"), gone]) {
                gates.open("a0")
                try await updates(1, of: 0, id, server)
                await gone.wait { $0.task.hasIdentity }
                clock.advance(by: 600_000)
                gates.open("b0")
                let summary = try await server.finished(id)
                #expect(summary.state == "finished", "\(summary.reason)")
                let round = try #require(try await server.rounds(id).first)
                #expect(round.refusals.map { "\($0.client) \($0.code)" } == ["c deadline"])
                #expect(round.cohort == ["a", "b", "c"])
                let task = try #require(gone.received.withLock { $0.first { $0.task.hasIdentity }?.task })
                let bytes = Safetensors.encode(try Fixtures.update(client: "c", round: 0))
                let receipt = try await ScriptedSite.submit(
                    ScriptedSite.header(task, client: "c", bytes: bytes), bytes, server.federation, client: "c")
                #expect(receipt.status == .refused)
                #expect(receipt.code == "deadline")
            }
        }
    }

    @Test("A second update for a task changes nothing and is recorded once with its reason")
    func duplicate() async throws {
        let gates = Gates()
        let evil = gates.site("a")
        try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(Self.job()).job
            try await server.withSites([evil, gates.site("b"), gates.site("c")]) {
                gates.open("a0")
                try await updates(1, of: 0, id, server)
                let task = try #require(evil.received.withLock { $0.first { $0.task.hasIdentity }?.task })
                func send(_ round: Int) async throws -> Tributary_V1_UpdateReceipt {
                    let bytes = Safetensors.encode(try Fixtures.update(client: "a", round: round))
                    return try await ScriptedSite.submit(
                        ScriptedSite.header(task, client: "a", bytes: bytes), bytes, server.federation, client: "a")
                }
                // While its update waits, and after it was folded: the same is acknowledged, another one is not taken.
                #expect(try await send(0).status == .committed)
                #expect(try await send(50).status == .alreadyCommitted)
                gates.open("b0")
                try await updates(2, of: 0, id, server)
                #expect(try await send(60).status == .alreadyCommitted)
                gates.open("c0")
                try await updates(1, of: 1, id, server)
                gates.open("a1")
                #expect(try await server.finished(id).state == "finished")
                #expect(try await send(0).status == .committed)
                let expected = try Self.values([
                    [Arrival("a", 0), Arrival("b", 0)], [Arrival("c", 0), Arrival("a", 1)],
                ])
                #expect(isEqual(try Self.values(of: try await server.export(id).1), expected))
            }
            await server.coordinator.core.audit.drain()
            var duplicates = 0
            try server.coordinator.auditLog.forEachLine { if $0.contains("\"duplicate\"") { duplicates += 1 } }
            #expect(duplicates == 1)
        }
    }

    @Test("A pause in the middle of a buffer, over a restart, keeps what waits; a stop lets everything go")
    func pauseAndStop() async throws {
        let first = Gates()
        let id = try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(Self.job()).job
            try await server.withSites(["a", "b", "c"].map { first.site($0) }) {
                first.open("a0")
                try await updates(1, of: 0, id, server)
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = id
                        $0.action = .pause
                    }, metadata: TestServer.operatorMetadata)
                // What comes during a pause counts, but no version is made.
                first.open("b0")
                try await updates(2, of: 0, id, server)
            }
            return id
        }
        let second = Gates()
        try await TestServer.run(folder: folder.path) { server in
            try await server.withSites(["a", "b", "c"].map { second.site($0) }) {
                let store = server.coordinator.core.store
                #expect(try await store.job(id)?.completedRounds == 0)
                #expect(try await store.spooledUpdates().map(\.client).sorted() == ["a", "b"])
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = id
                        $0.action = .resume
                    }, metadata: TestServer.operatorMetadata)
                _ = try await server.wait(for: id) { $0.summary.roundsCompleted == 1 }
                #expect(try await server.rounds(id).first?.admitted == ["a", "b"])
                second.open("c0")
                try await updates(1, of: 1, id, server)
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = id
                        $0.action = .stop
                    }, metadata: TestServer.operatorMetadata)
                #expect(try await store.spooledUpdates().isEmpty)
                #expect(try await store.openDraws().isEmpty)
                #expect(
                    isEqual(
                        try Self.values(of: try await server.export(id).1),
                        try Self.values([[Arrival("a", 0), Arrival("b", 0)]])))
            }
        }
    }

    @Test("A client that was away brings the update of an old version over a restart of the coordinator")
    func comesBack() async throws {
        let first = Gates()
        let away = first.site("c")
        let id = try await TestServer.run(folder: folder.path) { server in
            let id = try await server.submit(Self.job(rounds: 4)).job
            try await server.withSites([first.site("a"), first.site("b"), away]) {
                first.open("a0", "b0", "a1", "b1")
                _ = try await server.wait(for: id) { $0.summary.roundsCompleted == 2 }
                await away.wait { $0.task.hasIdentity }
            }
            return id
        }
        let task = try #require(away.received.withLock { $0.first { $0.task.hasIdentity }?.task })
        let second = Gates()
        try await TestServer.run(folder: folder.path) { server in
            // It kept the task: it is not offered again, and its update is from the initial weights.
            let back = ScriptedSite("c", examples: ["train": 10])
            let bytes = Safetensors.encode(try Fixtures.update(client: "c", round: 0))
            try await server.withSites([second.site("a"), second.site("b")]) {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await back.run(server.federation, holding: [try TaskIdentity(task.identity)]) }
                    // The runner answers once it is there.
                    #expect(try await server.coordinator.core.jobs.judge(of: id) != nil)
                    let purpose = TransferPurpose(identity: try TaskIdentity(task.identity), direction: .upload)
                    var header = ScriptedSite.header(task, client: "c", bytes: bytes)
                    header.grant = try #require(
                        server.coordinator.core.registry.grants.offer(client: "c", purpose: purpose))
                    let receipt = try await ScriptedSite.submit(header, bytes, server.federation, client: "c")
                    #expect(receipt.status == .committed)
                    second.openAll()
                    #expect(try await server.finished(id).state == "finished")
                    group.cancelAll()
                }
            }
            let third = try #require(try await server.rounds(id).dropFirst(2).first)
            #expect(third.admitted.contains("c"))
            #expect(third.training["maximumStaleness"] == 2)
            let tasks = back.received.withLock { $0.filter { $0.task.hasIdentity && $0.task.identity.round == 0 } }
            #expect(tasks.isEmpty)
        }
    }
}
