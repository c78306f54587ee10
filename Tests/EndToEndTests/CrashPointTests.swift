import Durability
import Foundation
import Testing

/// Every named crash point ends its process with SIGKILL in the middle of a job; the job goes on and ends with the bits
/// of an undisturbed run.
@Suite(.serialized)
struct CrashPointTests {
    static let rounds = ProcessInfo.processInfo.environment["TRIBUTARY_TESTS"] == "full" ? 30 : 3

    static var job: String { FederationTests.job.replacingOccurrences(of: "rounds: 3", with: "rounds: \(rounds)") }

    /// One undisturbed run, made once.
    static let undisturbed = Task { try await weights { _ in } }

    static func weights(
        coordinatorCrash: CrashPoint? = nil, clientCrash: CrashPoint? = nil,
        _ check: (Sandbox) async throws -> Void
    ) async throws -> Data {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            // The second time the point is reached: in the middle of the job.
            let coordinator = try await sandbox.startCoordinator(
                crashPoint: coordinatorCrash.map { "\($0.rawValue)@2" })
            let client = try await sandbox.startClient("site-1", crashPoint: clientCrash.map { "\($0.rawValue)@2" })
            try await sandbox.startClient("site-2")
            try await sandbox.startClient("evaluator")
            let job = try await sandbox.submit(job)
            if coordinatorCrash != nil {
                #expect(await coordinator.ended() == -SIGKILL)
                try await sandbox.startCoordinator()
            }
            if clientCrash != nil {
                #expect(await client.ended() == -SIGKILL)
                try await sandbox.startClient("site-1")
            }
            try await sandbox.tributary("watch", job)
            try await check(sandbox)
            return try await sandbox.export(job)
        }
    }

    @Test("The coordinator dies at a crash point", arguments: CrashPoint.coordinator)
    func coordinator(point: CrashPoint) async throws {
        let weights = try await Self.weights(coordinatorCrash: point) { _ in }
        let expected = try await Self.undisturbed.value
        #expect(weights == expected)
    }

    @Test("A client dies at a crash point", arguments: CrashPoint.client)
    func client(point: CrashPoint) async throws {
        let weights = try await Self.weights(clientCrash: point) { _ in }
        let expected = try await Self.undisturbed.value
        #expect(weights == expected)
    }
}
