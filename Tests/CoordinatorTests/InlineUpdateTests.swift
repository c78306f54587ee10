import Federation
import Foundation
import GRPCCore
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

/// Weights and updates that travel in session messages.
@Suite(.timeLimit(.minutes(2))) struct InlineUpdateTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func roundsNeedNoCall() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(evaluation: 1)).job
            let sites = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) }
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 3, clients: ["site-1", "site-2"])).digest())
            for site in sites {
                #expect(site.receipts.withLock { $0.map(\.status) } == [.committed, .committed, .committed])
                let tasks = site.received.withLock { $0.compactMap { $0.task.hasIdentity ? $0.task : nil } }
                #expect(tasks.count == 6)
                #expect(tasks.allSatisfy { Fixtures.digest([UInt8]($0.weights)) == $0.weightsDigest })
                #expect(tasks.allSatisfy { $0.fetchGrant == 0 })
                #expect(
                    !site.received.withLock { $0.contains { if case .grant? = $0.message { true } else { false } } })
            }
            #expect(server.coordinator.core.registry.grants.count == 0)
        }
    }

    /// A peer of an earlier version beside one of this.
    @Test func whoDoesNotKnowItGoesOnByCalls() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification()).job
            let old = ScriptedSite("site-1")
            let summary = try await server.withSites([old, ScriptedSite("site-2", isInline: true)]) {
                try await server.finished(job)
            }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 3, clients: ["site-1", "site-2"])).digest())
            let received = old.received.withLock { $0 }
            #expect(received.allSatisfy { $0.task.weights.isEmpty })
            #expect(!received.contains { if case .update? = $0.message { true } else { false } })
        }
    }

    /// Where each update is kept it has a file of its own; the others share one, which goes with the round.
    @Test(arguments: [true, false])
    func theSpoolHoldsWhatItShould(keepsUpdates: Bool) async throws {
        let state = folder.path
        try await TestServer.run(folder: state) { server in
            let specification = Fixtures.specification(rounds: 2) { $0.keepUpdates = keepsUpdates }
            let job = try await server.submit(specification).job
            let sites = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) }
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 2, clients: ["site-1", "site-2"])).digest())
            await server.coordinator.core.janitor.drain()
            let rounds = "\(state)/spool/\(job)"
            let files = FileManager.default.subpaths(atPath: rounds)?.filter { $0.contains(".") }.sorted() ?? []
            #expect(
                files
                    == (keepsUpdates
                        ? ["0", "1"].flatMap { round in ["site-1", "site-2"].map { "\(round)/\($0).safetensors" } }
                        : []))
        }
    }

    @Test func weightsThatAreTooLargeAreFetched() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let large = try Weights(
                zeros: WeightsSchema([TensorSpec(name: "values", dtype: .f32, shape: [WireLimits.inlineBytes / 4])]))
            _ = try await server.submit(Fixtures.specification(), weights: Safetensors.encode(large)).job
            let sites = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) { _ in .silence } }
            try await server.withSites(sites) {
                await sites[0].wait { $0.task.hasIdentity }
                let task = try #require(sites[0].received.withLock { $0.last { $0.task.hasIdentity }?.task })
                #expect(task.weights.isEmpty)
                #expect(task.fetchGrant != 0)
            }
        }
    }

    /// What a queue of unread messages refers to is bounded, and read once however many clients get it.
    @Test func aFewSmallWeightsAreKeptAndEachIsReadOnce() async throws {
        let reads = Mutex<[String]>([])
        let weights = SmallWeights { digest, limit in
            reads.withLock { $0.append(digest) }
            return [UInt8](repeating: 7, count: digest == "short" ? 3 : 4)
        }
        for _ in 0..<3 { await weights.load("0", bytes: 4) }
        #expect(weights.known("0") == Data([7, 7, 7, 7]))
        #expect(reads.withLock { $0 } == ["0"])
        await weights.load("short", bytes: 4)
        #expect(weights.known("short") == nil)
        await weights.load("large", bytes: Int64(WireLimits.inlineBytes) + 1)
        #expect(reads.withLock { $0 } == ["0", "short"])
        for number in 1...20 { await weights.load("\(number)", bytes: 4) }
        #expect(weights.known("0") == nil)
        #expect((1...20).count { weights.known("\($0)") != nil } == 16)
    }

    // MARK: Hostile messages

    @Test(arguments: HostileClientTests.cases)
    func isRefusedWithAReason(_ hostile: HostileClientTests.Case) async throws {
        try await expectRefusal(code: hostile.code) { (try? hostile.answer($0)) ?? .silence }
    }

    static let framing: [HostileClientTests.Case] = [
        .init(testDescription: "fewer bytes than the header says", code: "size") { task in
            let bytes = try HostileClientTests.good(task)
            return .bytes(Array(bytes.dropLast())) { $0.totalBytes = UInt64(bytes.count) }
        },
        .init(testDescription: "more bytes than the header says", code: "size") { task in
            let bytes = try HostileClientTests.good(task)
            return .bytes(bytes + [0]) { $0.totalBytes = UInt64(bytes.count) }
        },
        .init(testDescription: "no bytes", code: "size") { task in
            let bytes = try HostileClientTests.good(task)
            return .bytes([]) { $0.totalBytes = UInt64(bytes.count) }
        },
        .init(testDescription: "a part of it", code: "size") { task in
            .bytes(try HostileClientTests.good(task)) { $0.offset = 8 }
        },
        .init(testDescription: "an offset beyond its end", code: "header") { task in
            .bytes(try HostileClientTests.good(task)) { $0.offset = 1 << 40 }
        },
        .init(testDescription: "more than a session message may have", code: "inline") { task in
            let bytes = try HostileClientTests.good(task)
            return .bytes(bytes + [UInt8](repeating: 0, count: WireLimits.inlineBytes)) {
                $0.totalBytes = UInt64(bytes.count)
            }
        },
    ]

    @Test(arguments: framing)
    func aMessageThatDoesNotFitItsHeaderIsRefused(_ hostile: HostileClientTests.Case) async throws {
        try await expectRefusal(code: hostile.code) { (try? hostile.answer($0)) ?? .silence }
    }

    private func expectRefusal(
        code: String, _ answer: @escaping @Sendable (Tributary_V1_Task) -> ScriptedSite.Answer
    ) async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = Fixtures.specification(rounds: 1, clients: 3) { $0.clients.minimumUpdates = 2 }
            let job = try await server.submit(specification).job
            let evil = ScriptedSite("evil", isInline: true, answer: answer)
            let good = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) }
            let summary = try await server.withSites(good + [evil]) { try await server.finished(job) }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 1, clients: ["site-1", "site-2"])).digest())
            let round = try #require(try await server.rounds(job).first)
            #expect(round.refusals.map(\.client) == ["evil"])
            #expect(round.refusals.map(\.code) == [code])
            #expect(round.refusals.allSatisfy { !$0.reason.isEmpty })
            let receipts = evil.receipts.withLock { $0 }
            #expect(receipts.map(\.status) == [.refused])
            #expect(receipts.map(\.code) == [code])
        }
    }

    @Test func anUpdateBeforeTheHelloEndsTheSession() async throws {
        try await TestServer.run(folder: folder.path) { server in
            await #expect(throws: RPCError.self) {
                try await server.federation.connect(metadata: TestServer.metadata(client: "site-1")) { writer in
                    try await writer.write(.with { $0.update.header.identity.job = "job" })
                    try await Task.sleep(for: .seconds(600))
                } onResponse: { response in
                    for try await _ in response.messages {}
                }
            }
        }
    }

    /// A round that stays open because nobody answers; gives the task that `site-1` got.
    private func withOpenRound(
        _ body: @escaping @Sendable (TestServer, Tributary_V1_Task) async throws -> Void
    ) async throws {
        // The sites send no heartbeats, and others may keep the machine busy.
        let settings = Fixtures.settings { $0.heartbeat = .seconds(60) }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            _ = try await server.submit(Fixtures.specification()).job
            let sites = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) { _ in .silence } }
            try await server.withSites(sites) {
                await sites[0].wait { $0.task.hasIdentity }
                let task = try #require(sites[0].received.withLock { $0.last { $0.task.hasIdentity }?.task })
                try await body(server, task)
            }
        }
    }

    private func update(_ task: Tributary_V1_Task, client: String, round: Int = 0) throws -> Tributary_V1_InlineUpdate {
        let bytes = Safetensors.encode(try Fixtures.update(client: client, round: round))
        return .with {
            $0.header = ScriptedSite.header(task, client: client, bytes: bytes)
            $0.data = Data(bytes)
        }
    }

    @Test func theFirstUpdateCountsAndAReplayChangesNothing() async throws {
        try await withOpenRound { server, task in
            let desk = UpdateDesk(core: server.coordinator.core)
            let peer = try Fixtures.peer(.client, "site-1").identity
            let first = try update(task, client: "site-1")
            let other = try update(task, client: "site-1", round: 7)
            #expect(try await desk.answer(first, of: peer).receipt.status == .committed)
            let (job, roundTask) = (task.identity.job, try TaskIdentity(task.identity).roundTask)
            let core = server.coordinator.core
            #expect(try await core.store.update(job: job, task: roundTask, client: "site-1")?.packOffset == 0)
            let spooled = core.spool.folder(job: job, round: 0, attempt: 0)
            #expect(try FileManager.default.contentsOfDirectory(atPath: spooled) == [SpoolPacks.name])
            #expect(try await desk.answer(first, of: peer).receipt.status == .committed)
            #expect(try await desk.answer(other, of: peer).receipt.status == .alreadyCommitted)
            // It is recorded: once a task.
            let again = TaskRefusal(client: "site-1", code: "duplicate", reason: "again")
            #expect(try await !core.store.commitDuplicate(job: job, task: roundTask, again, at: 0))
            // By a call it is the same update.
            let point = try await server.federation.resumePoint(
                .with {
                    $0.identity = first.header.identity
                    $0.digest = first.header.digest
                }, metadata: TestServer.metadata(client: "site-1"))
            #expect(point.receipt.status == .committed)
        }
    }

    @Test func whoWasNotAskedGetsNothing() async throws {
        try await withOpenRound { server, task in
            let desk = UpdateDesk(core: server.coordinator.core)
            let stranger = try Fixtures.peer(.client, "stranger").identity
            let answer = try await desk.answer(try update(task, client: "stranger"), of: stranger)
            #expect(answer.receipt.status == .roundOver)
            #expect(answer.receipt.reason.contains("stranger was not asked"))
            var elsewhere = try update(task, client: "site-1")
            elsewhere.header.identity.round = 5
            let peer = try Fixtures.peer(.client, "site-1").identity
            #expect(try await desk.answer(elsewhere, of: peer).receipt.status == .roundOver)
            elsewhere.header.identity.kind = .evaluate
            await #expect(throws: (any Error).self) { try await desk.answer(elsewhere, of: peer) }
        }
    }

    /// A call with the same update, of before a reconnect, is ended, and neither writes what the other does.
    @Test func aCallForTheSameUpdateEnds() async throws {
        try await withOpenRound { server, task in
            let core = server.coordinator.core
            let peer = try Fixtures.peer(.client, "site-1").identity
            let purpose = TransferPurpose(identity: try TaskIdentity(task.identity), direction: .upload)
            let (started, start) = AsyncStream<Void>.makeStream()
            async let call: Void = core.transfers.withCall(of: peer, purpose: purpose) {
                start.finish()
                try await Task.sleep(for: .seconds(600))
            }
            for await _ in started {}
            let desk = UpdateDesk(core: core)
            let update = try update(task, client: "site-1")
            let busy = try await desk.answer(update, of: peer)
            #expect(busy.receipt.status == .unspecified)
            #expect(!busy.receipt.reason.isEmpty)
            do {
                try await call
                Issue.record("the call goes on")
            } catch let error as CoordinatorError {
                #expect(error.code == .unavailable)
            }
            #expect(try await desk.answer(update, of: peer).receipt.status == .committed)
        }
    }

    @Test func aFullDiskIsNoAnswerForGood() async throws {
        let disk = LossyFileSystem()
        let settings = Fixtures.settings {
            $0.fileSystem = disk
            $0.minimumFreeDisk = 1000
        }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let job = try await server.submit(Fixtures.specification()).job
            let sites = ["site-1", "site-2"].map { ScriptedSite($0, isInline: true) { _ in .silence } }
            try await server.withSites(sites) {
                await sites[0].wait { $0.task.hasIdentity }
                let task = try #require(sites[0].received.withLock { $0.last { $0.task.hasIdentity }?.task })
                let desk = UpdateDesk(core: server.coordinator.core)
                let peer = try Fixtures.peer(.client, "site-1").identity
                disk.setFreeBytes(10)
                let answer = try await desk.answer(try update(task, client: "site-1"), of: peer)
                #expect(answer.receipt.status == .unspecified)
                #expect(answer.receipt.reason.contains("free"))
                disk.setFreeBytes(1 << 30)
                #expect(
                    try await desk.answer(try update(task, client: "site-1"), of: peer).receipt.status == .committed)
                #expect(try await server.rounds(job).first?.refusals.isEmpty == true)
            }
        }
    }
}
