import Foundation
import Testing

/// Small runs of `tributary benchmark wire`, `round`, `sessions` and `growth`: the commands work and print their figures.
@Suite(.serialized)
struct LoadTests {
    private func figures(_ arguments: String...) async throws -> (figures: [String: [String: Any]], notes: String) {
        let result = try await CommandResult.run("tributary", ["benchmark"] + arguments + ["--json"])
        try #require(result.status == 0, "\(result.errors)")
        var figures: [String: [String: Any]] = [:]
        for object in try result.objects() { figures[try #require(object["name"] as? String)] = object }
        return (figures, result.errors)
    }

    private func value(_ figure: [String: Any]?) throws -> Double { try #require(figure?["value"] as? Double) }

    @Test("Transfers both ways, beside the machine's limits")
    func wire() async throws {
        let (figures, _) = try await figures("wire", "--size", "2MiB", "--repetitions", "2")
        for name in [
            "AES-256-GCM, one core", "SHA-256, one core", "TCP over loopback", "file written and synchronised",
            "small file made durable",
        ] {
            #expect(try value(figures[name]) > 0, "\(name)")
        }
        for name in ["coordinator to client, 2.0 MiB", "client to coordinator, 2.0 MiB"] {
            let figure = try #require(figures[name])
            #expect(try value(figure) > 0)
            #expect(try #require(figure["ratio"] as? Double) > 0)
        }
    }

    @Test("Interrupted at any time, a benchmark takes everything away and ends as the signal says", arguments: 0..<6)
    func interrupted(moment: Int) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("interrupted-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let benchmark = try RunningProcess(
            "tributary", ["benchmark", "round", "--part", "empty", "--rounds", "100000"],
            environment: ["TMPDIR": folder.path])
        // A moment is what has appeared in the folder: nothing asked of the clock.
        let signs = ["", "/identities", "/coordinator.log", "/state/address", "/site-1.log", "/site-2.log"]
        try await eventually {
            (try? FileManager.default.contentsOfDirectory(atPath: folder.path))?.contains {
                FileManager.default.fileExists(atPath: folder.path + "/" + $0 + signs[moment])
            } == true
        }
        benchmark.signal(SIGINT)
        #expect(await benchmark.ended() == 130, "\(benchmark.log)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(benchmark.log.isEmpty, "\(benchmark.log)")
    }

    private func eventually(_ holds: () -> Bool) async throws {
        for _ in 0..<6000 where !holds() { try await Task.sleep(for: .milliseconds(10)) }
        #expect(holds())
    }

    @Test("Rounds with daemons, with sessions, with a larger model, and with clients that stall")
    func rounds() async throws {
        let (figures, _) = try await figures(
            "round", "--rounds", "3", "--sessions", "8", "--size", "3MiB", "--large-rounds", "2", "--clients", "2")
        for name in [
            "coordinator, idle", "client, idle", "empty round, 2 daemons", "empty round, 8 sessions",
            "round of 3 MiB, 2 daemons", "coordinator, peak with 3 MiB and 2 daemons",
        ] {
            #expect(try value(figures[name]) > 0, "\(name)")
        }
        let peak = try #require(figures["coordinator, peak with 3 MiB, 2 clients, 1 stalled"])
        #expect(try #require(peak["limit"] as? Double) > 60)
    }

    @Test("Twenty sessions where ten are allowed: ten stay, one more is refused with a reason")
    func sessions() async throws {
        let (figures, notes) = try await figures("sessions", "--sessions", "20", "--limit", "10", "--idle", "0.2")
        #expect(try value(figures["sessions"]) == 10)
        #expect(try value(figures["sessions opened"]) > 0)
        #expect(try value(figures["a task offered to all"]) >= 0)
        #expect(notes.contains("resourceExhausted") && notes.contains("maxSessions"))
    }

    @Test("Growth with clients and model, with a chart")
    func growth() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("growth-\(UUID().uuidString).svg")
        defer { try? FileManager.default.removeItem(at: folder) }
        let (figures, _) = try await figures(
            "growth", "--clients", "1", "--clients", "4", "--sizes", "4096", "--sizes", "65536", "--rounds", "2",
            "--plot", folder.path)
        #expect(figures["round over clients: exponent"] != nil)
        #expect(figures["coordinator's peak over bytes: exponent"] != nil)
        #expect(try value(figures["round, 4 clients"]) > 0)
        #expect(try String(contentsOf: folder, encoding: .utf8).contains("<polyline"))
    }

    @Test("A daemon that is one too many says why and tries again slowly")
    func refusedDaemon() async throws {
        try await Sandbox.with(clients: ["site-1", "site-2"]) { sandbox in
            try await sandbox.makeData()
            try await sandbox.startCoordinator(environment: ["TRIBUTARY_COORDINATOR_MAX_SESSIONS": "1"])
            let first = try await sandbox.startClient("site-1")
            _ = try await first.line(containing: "session open")
            let second = try await sandbox.startClient("site-2")
            _ = try await second.line(containing: "trying again slowly", "maxSessions")
        }
    }
}
