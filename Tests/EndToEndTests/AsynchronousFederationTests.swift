import Durability
import Foundation
import Testing

/// Asynchronous jobs with daemons as processes.
@Suite(.serialized)
struct AsynchronousFederationTests {
    static func job(rounds: Int, minimum: Int, buffer: Int, concurrency: Int, deadline: Int = 120) -> String {
        FederationTests.job.replacingOccurrences(of: "rounds: 3", with: "rounds: \(rounds)")
            .replacingOccurrences(of: "minimum: 2", with: "minimum: \(minimum)")
            .replacingOccurrences(of: "deadline: 120", with: "deadline: \(deadline)")
            + "\nasynchronous: {buffer: \(buffer), concurrency: \(concurrency)}\n"
    }

    /// The newest record of every version, as `watch --json` prints it.
    private static func versions(_ job: String, _ sandbox: Sandbox) async throws -> [[String: Any]] {
        let changes = try await sandbox.tributary("watch", job, "--json").objects()
        var versions: [Int: [String: Any]] = [:]
        for round in changes.flatMap({ $0["rounds"] as? [[String: Any]] ?? [] }) {
            if let number = round["round"] as? Int { versions[number] = round }
        }
        return versions.sorted { $0.key < $1.key }.map(\.value)
    }

    private static func staleness(_ version: [String: Any]) -> Double? {
        (version["training"] as? [String: Double])?["maximumStaleness"]
    }

    @Test("One client is killed in training and one is slow: versions go on, the slow one's update counts for less")
    func killedAndSlow() async throws {
        try await Sandbox.with(clients: ["site-1", "site-2", "site-3", "evaluator"]) { sandbox in
            try await sandbox.makeData(sites: 3)
            let coordinator = try await sandbox.startCoordinator()
            let killed = try await sandbox.startClient("site-1", crashPoint: "inTraining")
            try await sandbox.startClient("site-2", trainer: try sandbox.gate("site-2"))
            try await sandbox.startClient("site-3", trainer: try sandbox.gate("site-3"))
            try await sandbox.startClient("evaluator")
            try sandbox.open("site-3.1")
            try sandbox.open("site-3.2")
            let job = try await sandbox.submit(
                Self.job(rounds: 4, minimum: 3, buffer: 1, concurrency: 3, deadline: 30))
            // Two versions by the fast one; then the slow one, which started from the first weights.
            _ = try await coordinator.line(containing: "round completed", "round=1")
            #expect(await killed.ended() == -SIGKILL)
            try sandbox.open("site-2.1")
            _ = try await coordinator.line(containing: "round completed", "round=2")
            // Nobody can go on but who takes the killed one's place.
            _ = try await coordinator.line(containing: "task refused", "site-1", "deadline")
            try await sandbox.startClient("site-1")
            try sandbox.open("all")
            let shown = try await sandbox.tributary("watch", job)
            #expect(shown.output.contains("staleness 2.00, at most 2"))
            let versions = try await Self.versions(job, sandbox)
            #expect(versions.count == 4)
            #expect(versions.allSatisfy { $0["phase"] as? String == "completed" })
            #expect(versions.map { ($0["admitted"] as? [String])?.count } == [1, 1, 1, 1])
            #expect(versions[2]["admitted"] as? [String] == ["site-2"])
            #expect(versions.prefix(3).map(Self.staleness) == [0, 0, 2])
            #expect(versions[2]["staleness"] as? [String: Int] == ["site-2": 2])
            let refusals = versions.flatMap { $0["refusals"] as? [[String: Any]] ?? [] }
            #expect(refusals.contains { $0["client"] as? String == "site-1" && $0["code"] as? String == "deadline" })
            #expect(try await sandbox.export(job).count > 8)
            let jobs = try await sandbox.tributary("jobs", "--json").objects()
            #expect(jobs.first?["state"] as? String == "finished")
            #expect(((jobs.first?["metrics"] as? [String: Double])?["accuracy"] ?? 0) > 0)
        }
    }

    @Test(
        "The coordinator dies at a crash point: no update is lost and none counts twice",
        arguments: CrashPoint.coordinator)
    func crash(point: CrashPoint) async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator(crashPoint: "\(point.rawValue)@2")
            for name in ["site-1", "site-2", "evaluator"] { try await sandbox.startClient(name) }
            let job = try await sandbox.submit(Self.job(rounds: 3, minimum: 2, buffer: 2, concurrency: 2))
            #expect(await coordinator.ended() == -SIGKILL)
            try await sandbox.startCoordinator()
            // A version needs both, and who waits is not asked again: an update that was lost would end in no version, and
            // one that was applied twice would leave the other out.
            let versions = try await Self.versions(job, sandbox)
            #expect(versions.map { $0["admitted"] as? [String] } == Array(repeating: ["site-1", "site-2"], count: 3))
            #expect(versions.map(Self.staleness) == [0, 0, 0])
            #expect(versions.allSatisfy { ($0["refusals"] as? [Any])?.isEmpty == true })
            #expect(try await sandbox.export(job).count > 8)
        }
    }
}
