import Durability
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights
import WireMessages

@testable import Coordinator

/// At every crash point the disk loses what was not synchronised and the coordinator starts again: no buffered update is lost
/// and none is applied twice.
///
/// Two of three clients give their updates and the third trains on for ever, so every version is made of the same two, each
/// from the newest weights: what comes out is what rounds would give.
@Suite(.serialized, .timeLimit(.minutes(10))) struct AsynchronousCrashTests {
    private static func sites() -> [ScriptedSite] {
        [
            ScriptedSite("site-1"), ScriptedSite("site-2"),
            ScriptedSite("slow", examples: ["train": 9]) { _ in .silence },
        ]
    }

    private static func takingTurns() -> [ScriptedSite] {
        ["a", "b", "c", "d", "e"].map { ScriptedSite($0, examples: ["train": 9]) }
    }

    @Test(arguments: CrashPoint.coordinator, [LossyFileSystem.Loss.contentLost, .namesKept])
    func theResultIsTheSame(point: CrashPoint, loss: LossyFileSystem.Loss) async throws {
        let folder = try TemporaryFolder()
        let disk = LossyFileSystem()
        let (crashes, crash) = AsyncStream<Void>.makeStream()
        let points = try CrashPoints.parsing("\(point.rawValue)@2") { _ in
            disk.powerOff()
            crash.yield()
            throw DurabilityError(.crashed, "crashed at \(point)")
        }
        let job = Mutex("")
        try? await TestServer.run(folder: folder.path, settings: settings(disk, points)) { server in
            let id = try await server.submit(
                Fixtures.specification(clients: 3, evaluation: 1) {
                    $0.asynchronous = ["buffer": 2, "concurrency": 3]
                }
            ).job
            job.withLock { $0 = id }
            try await server.withSites(Self.sites()) {
                for await _ in crashes { return }
            }
        }
        let id = job.withLock { $0 }
        #expect(!id.isEmpty)
        disk.crash(loss)
        let expected = try Fixtures.weights(after: 3, clients: ["site-1", "site-2"]).digest()
        try await TestServer.run(folder: folder.path, settings: settings(disk, .none)) { server in
            let summary = try await server.withSites(Self.sites()) { try await server.finished(id) }
            #expect(summary.state == "finished", "\(summary.reason)")
            #expect(summary.weightsDigest == expected)
            #expect(Fixtures.digest(try await server.export(id).1) == expected)
            let rounds = try await server.rounds(id)
            #expect(rounds.map(\.admitted) == Array(repeating: ["site-1", "site-2"], count: 3))
            #expect(rounds.allSatisfy { $0.training["maximumStaleness"] == 0 })
        }
    }

    /// Five clients take turns as they come, over a coordinator that dies at every point: what comes out is what the lineage
    /// says went in, each update once.
    @Test(arguments: CrashPoint.coordinator)
    func theLineageIsWhatWasFolded(point: CrashPoint) async throws {
        let folder = try TemporaryFolder()
        let disk = LossyFileSystem()
        let (crashes, crash) = AsyncStream<Void>.makeStream()
        let points = try CrashPoints.parsing("\(point.rawValue)@4") { _ in
            disk.powerOff()
            crash.yield()
            throw DurabilityError(.crashed, "crashed at \(point)")
        }
        let job = Mutex("")
        try? await TestServer.run(folder: folder.path, settings: settings(disk, points)) { server in
            let id = try await server.submit(
                Fixtures.specification(rounds: 9, clients: 3) {
                    $0.asynchronous = ["buffer": 2, "concurrency": 4]
                    $0.aggregation = ["rule": "uniform-mean"]
                }
            ).job
            job.withLock { $0 = id }
            try await server.withSites(Self.takingTurns()) { for await _ in crashes { return } }
        }
        disk.crash(.contentLost)
        let id = job.withLock { $0 }
        try await TestServer.run(folder: folder.path, settings: settings(disk, .none)) { server in
            let summary = try await server.withSites(Self.takingTurns()) { try await server.finished(id) }
            #expect(summary.state == "finished", "\(summary.reason)")
            let (header, bytes) = try await server.export(id)
            let card = try JSONDecoder().decode(ModelCard.self, from: header.card)
            #expect(card.lineage.count == 9)
            let versions = card.lineage.map { version in
                version.admitted.map {
                    AsynchronousJobTests.Arrival($0.client, version.round - ($0.staleness ?? version.round + 1))
                }
            }
            #expect(versions.allSatisfy { $0.count == 2 })
            let all = versions.flatMap { $0 }.map { "\($0.client) \($0.version)" }
            #expect(Set(all).count == all.count)
            let expected = try AsynchronousJobTests.values(versions, byExamples: false)
            let found = try AsynchronousJobTests.values(of: bytes)
            #expect(zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-4 }, "\(found) \(expected)")
            #expect(try await server.coordinator.core.store.spooledUpdates().isEmpty)
            #expect(try await server.coordinator.core.store.openDraws().isEmpty)
        }
    }

    private func settings(_ disk: LossyFileSystem, _ points: CrashPoints) -> CoordinatorSettings {
        Fixtures.settings {
            $0.fileSystem = disk
            $0.crash = points
        }
    }
}
