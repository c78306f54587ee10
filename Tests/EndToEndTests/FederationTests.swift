import Foundation
import Testing

/// Whole federations as processes: the shipped executables, mutual TLS on loopback, real trainers.
@Suite(.serialized)
struct FederationTests {
    static let job = """
        name: e2e
        model: {name: softmax, features: 768, classes: 6}
        data: synthetic-har
        rounds: 3
        seed: 8
        clients: {minimum: 2}
        deadline: 120
        training: {epochs: 1, batchSize: 8, learningRate: 0.02}
        evaluation: {every: 1, split: test}
        """

    /// The weights of one run.
    private func run(order: [String], killing: Bool = false) async throws -> (weights: Data, accuracy: Double) {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            // With a gate the job cannot get further than its first round before the coordinator is killed.
            for name in order {
                try await sandbox.startClient(
                    name, trainer: killing && name == "site-1" ? sandbox.gate(name) : nil)
            }
            let job = try await sandbox.submit(Self.job)
            let watch = try RunningProcess("tributary", ["watch", job] + (await sandbox.connection()))
            if killing {
                try sandbox.open("site-1.1")
                try await watch.output(containing: "│ ")
                coordinator.signal(SIGKILL)
                _ = await coordinator.ended()
                _ = try await watch.line(containing: "the coordinator is away")
                try await sandbox.startCoordinator()
                try sandbox.open("all")
            }
            // It goes on by itself, and prints every round once.
            #expect(await watch.ended() == 0, "\(watch.log)")
            let rounds = watch.standardOutput.split(separator: "\n").filter { $0.contains("│") }
            #expect(rounds.count == 4, "\(rounds)")
            let jobs = try await sandbox.tributary("jobs", "--json").objects()
            let metrics = try #require(jobs.first?["metrics"] as? [String: Any])
            return (try await sandbox.export(job), try #require(metrics["accuracy"] as? Double))
        }
    }

    @Test("The same job gives the same bits: twice, in another order of arrival, and over a killed coordinator")
    func reproducible() async throws {
        let first = try await run(order: ["site-1", "site-2", "evaluator"])
        let reversed = try await run(order: ["evaluator", "site-2", "site-1"])
        let killed = try await run(order: ["site-1", "site-2", "evaluator"], killing: true)
        #expect(first.weights == reversed.weights)
        #expect(first.weights == killed.weights)
        #expect(first.accuracy == reversed.accuracy)
        #expect(first.accuracy > 0)
    }

    @Test(
        "A simulation gives the bits of the daemons, whatever the strategy",
        arguments: [
            "fedavg", "{name: scaffold, clients: 2}", "{name: fedopt, serverOptimizer: yogi}",
            "{name: fedper, personal: [bias]}", "fedavg\nencoding: {name: int8, block: 64}",
            "fedavg\nencoding: top-k", "fedavg\nsecureAggregation: {threshold: 2, range: 0.25}",
        ])
    func simulated(strategy: String) async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData(subjects: 30, windows: 24)
            try await sandbox.startCoordinator()
            for name in ["site-1", "site-2", "evaluator"] { try await sandbox.startClient(name) }
            let text = Self.job.replacingOccurrences(of: "deadline: 120", with: "deadline: 120\nstrategy: \(strategy)")
                .replacingOccurrences(of: "batchSize: 8", with: "batchSize: 64")
            let job = try await sandbox.submit(text)
            try await sandbox.tributary("watch", job)
            let daemons = try await sandbox.export(job)
            try await sandbox.succeed(
                "tributary", ["simulate", sandbox.path("job.yaml"), "--output", sandbox.path("simulated")])
            let simulated = try Data(contentsOf: URL(fileURLWithPath: sandbox.path("simulated/weights.safetensors")))
            #expect(simulated == daemons)
        }
    }

    @Test("Ctrl-C ends a simulation with a checkpoint, and --resume goes on")
    func interruptedSimulation() async throws {
        try await Sandbox.with { sandbox in
            let text = Self.job.replacingOccurrences(of: "rounds: 3", with: "rounds: 200000")
            try text.write(toFile: sandbox.path("long.yaml"), atomically: true, encoding: .utf8)
            let arguments = ["simulate", sandbox.path("long.yaml"), "--output", sandbox.path("long")]
            let process = try RunningProcess("tributary", arguments)
            // Its first line of metrics: it is at work.
            var deadline = ContinuousClock.now + .seconds(240)
            while ((try? Data(contentsOf: URL(fileURLWithPath: sandbox.path("long/metrics.jsonl"))))?.count ?? 0) == 0 {
                try #require(ContinuousClock.now < deadline, "\(process.log)")
                try await Task.sleep(for: .milliseconds(20))
            }
            process.signal(SIGINT)
            #expect(await process.ended() == 130)
            let checkpoint = try Data(
                contentsOf: URL(fileURLWithPath: sandbox.path("long/checkpoint/checkpoint.json")))
            let object = try #require(try JSONSerialization.jsonObject(with: checkpoint) as? [String: Any])
            #expect(try #require(object["completedRounds"] as? Int) > 0)
            let again = try RunningProcess("tributary", arguments + ["--resume"])
            deadline = ContinuousClock.now + .seconds(240)
            let size = try Data(contentsOf: URL(fileURLWithPath: sandbox.path("long/metrics.jsonl"))).count
            while try Data(contentsOf: URL(fileURLWithPath: sandbox.path("long/metrics.jsonl"))).count <= size {
                try #require(ContinuousClock.now < deadline, "\(again.log)")
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(await again.stop(SIGTERM) == 130)
        }
    }

    @Test("Submitting the same token twice gives one job")
    func idempotentSubmission() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.startCoordinator()
            let first = try await sandbox.submit(Self.job, token: "once")
            let second = try await sandbox.submit(Self.job, token: "once")
            #expect(first == second)
            let jobs = try await sandbox.tributary("jobs", "--json").objects()
            #expect(jobs.count == 1)
            let stopped = try await sandbox.tributary("stop", first, "--reason", "not needed", "--json").objects()
            #expect(stopped.first?["state"] as? String == "stopped")
        }
    }

    @Test("A revoked client's session is closed at once, and it stays out after a restart")
    func revocation() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            let client = try await sandbox.startClient("site-1")
            _ = try await coordinator.line(containing: "session opened", "site-1")
            let revoked = try await sandbox.tributary("revoke", "site-1", "--reason", "test", "--json").objects()
            #expect(revoked.first?["sessionsClosed"] as? Int == 1)
            _ = try await coordinator.line(containing: "session closed", "site-1", "revoked")
            // It would try again by itself, but not for half a minute.
            await client.stop()
            let second = try await sandbox.startClient("site-1")
            _ = try await coordinator.line(containing: "refused", "revoked")
            await second.stop()
            await coordinator.stop()
            let restarted = try await sandbox.startCoordinator()
            let again = try await sandbox.startClient("site-1")
            _ = try await restarted.line(containing: "revoked", "refused")
            #expect(!restarted.log.contains { $0.contains("session opened") })
            await again.stop()
            let clients = try await sandbox.tributary("clients", "--json").objects()
            #expect(clients.first?["state"] as? String == "revoked")
            let audit = try await sandbox.tributary("audit", "verify", "--json").objects()
            #expect(audit.first?["intact"] as? Bool == true)
        }
    }

    @Test("A client daemon that is killed leaves no trainer behind")
    func noOrphans() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData(windows: 24)
            try await sandbox.startCoordinator()
            let client = try await sandbox.startClient("site-1")
            _ = try await sandbox.submit(
                Self.job.replacingOccurrences(of: "minimum: 2", with: "minimum: 1")
                    .replacingOccurrences(of: "epochs: 1", with: "epochs: 10000"))
            _ = try await client.line(containing: "trainer started")
            let trainers = Self.processes(mentioning: sandbox.path("state/site-1"))
            #expect(!trainers.isEmpty)
            client.signal(SIGKILL)
            _ = await client.ended()
            // A process that ended and only waits to be collected has no working folder any more.
            let deadline = ContinuousClock.now + .seconds(120)
            while ContinuousClock.now < deadline, !Self.processes(mentioning: sandbox.path("state/site-1")).isEmpty {
                try await Task.sleep(for: .milliseconds(50))
            }
            #expect(Self.processes(mentioning: sandbox.path("state/site-1")).isEmpty)
        }
    }

    /// Processes other than this one whose working folder lies in `folder`.
    static func processes(mentioning folder: String) -> [pid_t] {
        let all = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return all.compactMap { pid_t($0) }.filter { process in
            let link = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")
            return link?.hasPrefix(folder) == true
        }
    }
}
