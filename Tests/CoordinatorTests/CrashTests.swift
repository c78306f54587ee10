import Durability
import Foundation
import Jobs
import Synchronization
import TestSupport
import Testing
import Weights
import WireMessages

@testable import Coordinator

/// At every crash point the disk loses what was not synchronised and the coordinator starts again; the weights come out
/// the same, bit for bit.
@Suite struct CrashTests {
    @Test(arguments: CrashPoint.coordinator, LossyFileSystem.Loss.allCases)
    func theResultIsTheSame(point: CrashPoint, loss: LossyFileSystem.Loss) async throws {
        try await crash(at: point, loss) { ScriptedSite($0) }
    }

    /// The same with weights and updates in session messages.
    @Test(arguments: CrashPoint.coordinator, LossyFileSystem.Loss.allCases)
    func inSessionMessagesTheResultIsTheSame(point: CrashPoint, loss: LossyFileSystem.Loss) async throws {
        try await crash(at: point, loss) { ScriptedSite($0, isInline: true) }
    }

    /// After the crash a client goes on by a call with what it sent in a session message.
    @Test(arguments: [CrashPoint.halfUpload, .afterDigestCheck, .afterRename, .afterRowCommit])
    func theResultIsTheSameWhenACallGoesOn(point: CrashPoint) async throws {
        let starts = Mutex(0)
        try await crash(at: point, .contentLost) { name in
            let start = starts.withLock { count in
                count += 1
                return count
            }
            return ScriptedSite(name, isInline: start <= 2)
        }
    }

    private func crash(
        at point: CrashPoint, _ loss: LossyFileSystem.Loss, _ makeSite: @escaping @Sendable (String) -> ScriptedSite
    ) async throws {
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
            let id = try await server.submit(Fixtures.specification(evaluation: 1)).job
            job.withLock { $0 = id }
            try await server.withSites(["site-1", "site-2"].map(makeSite)) {
                for await _ in crashes { return }
            }
        }
        let id = job.withLock { $0 }
        #expect(!id.isEmpty)
        disk.crash(loss)
        let expected = try Fixtures.weights(after: 3, clients: ["site-1", "site-2"]).digest()
        try await TestServer.run(folder: folder.path, settings: settings(disk, .none)) { server in
            let summary = try await server.withSites(["site-1", "site-2"].map(makeSite)) {
                try await server.finished(id)
            }
            #expect(summary.state == "finished")
            #expect(summary.weightsDigest == expected)
            #expect(Fixtures.digest(try await server.export(id).1) == expected)
            #expect(try await server.rounds(id).allSatisfy { $0.attempt == 0 })
        }
    }

    private func settings(_ disk: LossyFileSystem, _ points: CrashPoints) -> CoordinatorSettings {
        Fixtures.settings {
            $0.fileSystem = disk
            $0.crash = points
        }
    }
}
