import Foundation
import GRPCCore
import Jobs
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing
import Weights
import Wire
import WireMessages

@testable import Coordinator

@Suite struct JobTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test func threeRoundsGiveTheMeanOfTheUpdates() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(evaluation: 1)).job
            let sites = [ScriptedSite("site-1"), ScriptedSite("site-2")]
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "finished")
            #expect(summary.roundsCompleted == 3)
            #expect(summary.evaluatedRound == 2)
            #expect(summary.metrics["loss"] == 0.5)
            #expect(summary.bestRound == 2)
            let expected = try Fixtures.weights(after: 3, clients: ["site-1", "site-2"])
            #expect(summary.weightsDigest == expected.digest())
            let (header, bytes) = try await server.export(job)
            #expect(Fixtures.digest(bytes) == expected.digest())
            #expect(header.round == 2)
            let card = try ModelCard(json: header.card)
            #expect(card.lineage.count == 3)
            #expect(card.lineage.last?.admitted.map(\.client) == ["site-1", "site-2"])
            #expect(card.lineage.last?.admitted.first?.trainer == ["trainer": "scripted"])
            #expect(card.initialWeights == Fixtures.digest(Fixtures.initialBytes))
            let initial = try await server.export(job, round: "initial").1
            #expect(initial == Fixtures.initialBytes)
            let rounds = try await server.rounds(job)
            #expect(rounds.map(\.phase) == ["completed", "completed", "completed"])
            #expect(rounds.allSatisfy { $0.admitted == ["site-1", "site-2"] && $0.evaluationExamples == 8 })
            #expect(sites.allSatisfy { site in site.receipts.withLock { $0.allSatisfy { $0.status == .committed } } })
        }
        // Single updates are private data: none is left behind.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("spool")).isEmpty)
    }

    @Test func aRestartGoesOnWithTheSameRound() async throws {
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification()).job
            // site-2 is silent in round 1: the round stays open with one update.
            let sites = [
                ScriptedSite("site-1"), ScriptedSite("site-2") { $0.identity.round == 1 ? .silence : .update },
            ]
            try await server.withSites(sites) {
                _ = try await server.wait(for: job) { update in
                    update.rounds.contains { $0.round == 1 && $0.admitted == ["site-1"] }
                }
            }
            return job
        }
        try await TestServer.run(folder: folder.path) { server in
            let open = try await server.rounds(job).last
            #expect(open?.round == 1)
            #expect(open?.cohort == ["site-1", "site-2"])
            let sites = [ScriptedSite("site-1"), ScriptedSite("site-2")]
            let summary = try await server.withSites(sites) {
                let summary = try await server.finished(job)
                await sites[0].waitForReceipts(1)
                await sites[1].waitForReceipts(2)
                return summary
            }
            #expect(summary.weightsDigest == (try Fixtures.weights(after: 3, clients: ["site-1", "site-2"])).digest())
            // The committed update of round 1 was not asked for again.
            #expect(sites[0].receipts.withLock { $0.count } == 1)
            #expect(sites[1].receipts.withLock { $0.count } == 2)
        }
    }

    @Test func theOrderOfArrivalDoesNotMatter() async throws {
        var digests: Set<String> = []
        for order in [["site-1", "site-2", "site-3"], ["site-3", "site-1", "site-2"]] {
            let folder = try TemporaryFolder()
            digests.insert(
                try await TestServer.run(folder: folder.path) { server in
                    let job = try await server.submit(Fixtures.specification(clients: 3)).job
                    return try await server.withSites(order.map { ScriptedSite($0) }) {
                        try await server.finished(job).weightsDigest
                    }
                })
        }
        #expect(digests.count == 1)
    }

    @Test func aTokenIsAJobOnlyOnce() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = Fixtures.specification()
            let first = try await server.submit(specification, token: "t-1")
            let second = try await server.submit(specification, token: "t-1")
            #expect(!first.existed)
            #expect(second.existed)
            #expect(first.job == second.job)
            await #expect(throws: (any Error).self) {
                try await server.submit(Fixtures.specification(rounds: 9), token: "t-1")
            }
            let jobs = try await server.operations.listJobs(.init(), metadata: TestServer.operatorMetadata).jobs
            #expect(jobs.count == 1)
        }
    }

    @Test(arguments: ["digest", "truncated", "not canonical", "not safetensors", "kept"])
    func badSubmissionsLeaveNothing(kind: String) async throws {
        try await TestServer.run(folder: folder.path) { server in
            var weights = Fixtures.initialBytes
            var specification = Fixtures.specification()
            switch kind {
            case "truncated": weights.removeLast()
            case "not canonical": weights = try Self.withMetadata()
            case "not safetensors": weights = Array("no weights at all".utf8)
            case "kept": specification.kept = ["nothing"]
            default: break
            }
            let (bytes, json) = (weights, try specification.canonicalJSON())
            await #expect(throws: (any Error).self) {
                try await server.operations.submitJob(metadata: TestServer.operatorMetadata) { writer in
                    try await writer.write(
                        .with {
                            $0.header = .with {
                                $0.specification = json
                                $0.weightsDigest = Fixtures.digest(kind == "digest" ? [1] : bytes)
                                $0.weightsBytes = UInt64(bytes.count)
                            }
                        })
                    try await writer.write(.with { $0.chunk = .with { $0.data = Data(bytes) } })
                }
            }
            let jobs = try await server.operations.listJobs(.init(), metadata: TestServer.operatorMetadata).jobs
            #expect(jobs.isEmpty)
        }
        let blobs = try FileManager.default.subpathsOfDirectory(atPath: folder.file("blobs"))
        #expect(blobs.allSatisfy { $0.utf8.count == 2 }, "\(blobs)")
    }

    private static func withMetadata() throws -> [UInt8] {
        let json = #"{"__metadata__":{"a":"b"},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#
        let padded = json + String(repeating: " ", count: (8 - json.utf8.count % 8) % 8)
        var bytes = withUnsafeBytes(of: UInt64(padded.utf8.count).littleEndian) { Array($0) }
        bytes += Array(padded.utf8) + [0, 0, 0, 0]
        return bytes
    }

    @Test func jobsBeyondTheLimitWaitTheirTurn() async throws {
        let settings = Fixtures.settings { $0.maxJobs = 1 }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let first = try await server.submit(Fixtures.specification(name: "first")).job
            let second = try await server.submit(Fixtures.specification(name: "second")).job
            let third = try await server.submit(Fixtures.specification(name: "third")).job
            let jobs = try await server.operations.listJobs(.init(), metadata: TestServer.operatorMetadata).jobs
            #expect(jobs.map(\.job) == [third, second, first])
            #expect(jobs.prefix(2).allSatisfy { $0.state == "queued" && !$0.reason.isEmpty })
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                for job in [first, second, third] {
                    let state = try await server.finished(job).state
                    #expect(state == "finished")
                }
            }
        }
    }

    @Test func severalJobsShareTheClients() async throws {
        try await TestServer.run(folder: folder.path) { server in
            var jobs: [String] = []
            for index in 0..<4 {
                jobs.append(try await server.submit(Fixtures.specification(name: "job-\(index)")).job)
            }
            let ids = jobs
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                let expected = try Fixtures.weights(after: 3, clients: ["site-1", "site-2"]).digest()
                for job in ids { #expect(try await server.finished(job).weightsDigest == expected) }
            }
        }
    }

    @Test func aStoppedJobKeepsItsWeights() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 1000)).job
            let site = ScriptedSite("site-2") { $0.identity.round == 2 ? .silence : .update }
            try await server.withSites([ScriptedSite("site-1"), site]) {
                _ = try await server.wait(for: job) { update in
                    update.rounds.contains { $0.round == 2 && $0.admitted == ["site-1"] }
                }
                let stopped = try await server.operations.controlJob(
                    .with {
                        $0.job = job
                        $0.action = .stop
                        $0.reason = "enough"
                    }, metadata: TestServer.operatorMetadata)
                #expect(stopped.state == "stopped")
                #expect(stopped.reason == "stop by alice: enough")
                #expect(stopped.roundsCompleted == 2)
                await site.wait { if case .cancel? = $0.message { true } else { false } }
            }
            #expect(try await server.export(job).0.round == 1)
            await #expect(throws: (any Error).self) {
                try await server.operations.controlJob(
                    .with {
                        $0.job = job
                        $0.action = .resume
                    }, metadata: TestServer.operatorMetadata)
            }
        }
    }

    @Test func aPausedJobGoesOnWhenResumed() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification()).job
            let paused = try await server.operations.controlJob(
                .with {
                    $0.job = job
                    $0.action = .pause
                }, metadata: TestServer.operatorMetadata)
            #expect(paused.state == "paused")
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                let resumed = try await server.operations.controlJob(
                    .with {
                        $0.job = "job"
                        $0.action = .resume
                    }, metadata: TestServer.operatorMetadata)
                #expect(resumed.state != "paused")
                #expect(try await server.finished(job).state == "finished")
            }
        }
    }

    @Test func aPauseSurvivesARestart() async throws {
        let job = try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification()).job
            _ = try await server.operations.controlJob(
                .with {
                    $0.job = job
                    $0.action = .pause
                }, metadata: TestServer.operatorMetadata)
            return job
        }
        try await TestServer.run(folder: folder.path) { server in
            let state = try await server.operations.listJobs(.init(), metadata: TestServer.operatorMetadata).jobs[0]
                .state
            #expect(state == "paused")
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                _ = try await server.operations.controlJob(
                    .with {
                        $0.job = job
                        $0.action = .resume
                    }, metadata: TestServer.operatorMetadata)
                #expect(try await server.finished(job).state == "finished")
            }
        }
    }

    @Test func aFullDiskPausesAndSpaceResumes() async throws {
        let disk = LossyFileSystem()
        let settings = Fixtures.settings {
            $0.fileSystem = disk
            $0.minimumFreeDisk = 1 << 20
            $0.diskRecheck = .milliseconds(20)
        }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let job = try await server.submit(Fixtures.specification()).job
            disk.setFreeBytes(1000)
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                let paused = try await server.wait(for: job) { $0.summary.state == "paused" }
                #expect(paused.reason.hasPrefix(DiskGuard.reason))
                disk.setFreeBytes(1 << 30)
                #expect(try await server.finished(job).state == "finished")
            }
        }
    }

    @Test func aDiskThatFillsUnderARoundHoldsTheJobAndSaysWhy() async throws {
        let disk = LossyFileSystem()
        let settings = Fixtures.settings {
            $0.fileSystem = disk
            $0.minimumFreeDisk = 1 << 20
            $0.diskRecheck = .milliseconds(20)
        }
        try await TestServer.run(folder: folder.path, settings: settings) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 1)).job
            let update = Safetensors.encode(try Fixtures.update(client: "site-1", round: 0))
            // The tasks are out when the disk fills: what is refused is the update.
            let sites = [
                ScriptedSite("site-1", answer: { _ in .messages(update, []) }, gate: { _ in disk.setFreeBytes(1000) }),
                ScriptedSite("site-2") { _ in .silence },
            ]
            try await server.withSites(sites) {
                let paused = try await server.wait(for: job) { $0.summary.state == "paused" }
                #expect(paused.reason.hasPrefix(DiskGuard.reason))
                disk.setFreeBytes(1 << 30)
                _ = try await server.wait(for: job) { $0.summary.state == "running" }
            }
        }
    }

    @Test func oldWeightsGoAndTheLastThreeStay() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 6)).job
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                _ = try await server.finished(job)
            }
            for round in 3..<6 { _ = try await server.export(job, round: "\(round)") }
            await #expect(throws: (any Error).self) { try await server.export(job, round: "2") }
            await #expect(throws: (any Error).self) { try await server.export(job, round: "best") }
        }
        let blobs = try FileManager.default.subpathsOfDirectory(atPath: folder.file("blobs"))
        #expect(blobs.count { $0.utf8.count > 60 } == 4)
    }

    @Test func aRoundWithoutEnoughClientsIsTriedAgainAndThenFails() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let specification = Fixtures.specification { $0.attempts = 2 }
            let job = try await server.submit(specification).job
            let sites = [ScriptedSite("site-1"), ScriptedSite("site-2") { _ in .fail(code: "memory") }]
            let summary = try await server.withSites(sites) { try await server.finished(job) }
            #expect(summary.state == "failed")
            #expect(summary.reason.contains("a test fails"))
            let round = try await server.rounds(job).last
            #expect(round?.attempt == 1)
            #expect(round?.phase == "failed")
            #expect(round?.refusals.map(\.code) == ["memory"])
        }
    }

    @Test func theAuditLogHasWhatHappened() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let job = try await server.submit(Fixtures.specification(rounds: 1)).job
            try await server.withSites([ScriptedSite("site-1"), ScriptedSite("site-2")]) {
                _ = try await server.finished(job)
            }
            _ = try await server.export(job)
            let lines = try await server.operations.readAudit(.init(), metadata: TestServer.operatorMetadata) {
                response in
                var lines: [String] = []
                for try await line in response.messages { lines.append(line.json) }
                return lines
            }
            for kind in ["coordinator.started", "job.submitted", "session.opened", "job.ended", "weights.exported"] {
                #expect(lines.contains { $0.contains("\"kind\":\"\(kind)\"") }, "\(kind)")
            }
        }
    }

    /// Its runner is about to be there when the coordinator stops: neither "no runner" nor "done" would be true.
    @Test func aJobThatNoLongerBeginsIsForTheNextStart() async throws {
        let (gate, opening) = AsyncStream<Void>.makeStream()
        try await TestServer.run(folder: folder.path, jobsMayBegin: { for await _ in gate {} }) { server in
            defer { opening.finish() }
            let job = try await server.submit(Fixtures.specification()).job
            let core = server.coordinator.core
            server.coordinator.shutDown()
            let waiting = await #expect(throws: CoordinatorError.self) { try await core.jobs.settledRunner(job) }
            #expect(waiting?.code == .unavailable)
            let record = try #require(try await core.store.job(job))
            let stopping = await #expect(throws: CoordinatorError.self) {
                try await core.jobs.control(record, .stop, reason: "enough")
            }
            #expect(stopping?.code == .unavailable)
            #expect(try await core.store.job(job)?.status == record.status)
        }
    }

    @Test func healthIsServing() async throws {
        try await TestServer.run(folder: folder.path) { server in
            let status = try await server.health.check(.init(), metadata: TestServer.operatorMetadata).status
            #expect(status == .serving)
            await #expect(throws: (any Error).self) {
                try await server.health.check(.with { $0.service = "x" }, metadata: TestServer.operatorMetadata)
            }
        }
    }

    @Test func oneCoordinatorAStateFolder() async throws {
        let path = folder.path
        try await TestServer.run(folder: path) { _ in
            await #expect(throws: (any Error).self) {
                try await Coordinator.open(folder: path, settings: Fixtures.settings(), logger: Fixtures.silent)
            }
        }
    }
}
