import Foundation
import Identity
import Testing

/// `tributary-client check` finds what is wrong at a site, says how to mend it, and exits with 1.
@Suite(.serialized)
struct SiteCheckTests {
    enum Fault: String, CaseIterable {
        case unknownHost, closedPort, missingKey, otherFederation, noData, missingShard, noTrainer, badState
    }

    @Test("All is well, also beside a running daemon, which keeps its session")
    func allIsWell() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            let alone = try await Self.check(sandbox)
            #expect(alone.status == 0, "\(alone.output)")
            let names = try alone.objects().compactMap { $0["check"] as? String }
            #expect(
                names == ["identity", "name", "port", "session", "clock", "disk", "data", "trainer", "schema"])
            #expect(try alone.objects().allSatisfy { $0["status"] as? String == "ok" })
            // The log is read in its own time: the check's own session is in it, to its end.
            _ = try await coordinator.line(containing: "session closed", "site-1")
            let count = coordinator.log.count
            try await sandbox.startClient("site-1")
            _ = try await coordinator.line(containing: "session opened", "site-1", after: count)
            let beside = try await Self.check(sandbox)
            #expect(beside.status == 0, "\(beside.output)")
            let opened = coordinator.log.dropFirst(count).filter { $0.contains("session opened") }
            #expect(opened.count == 1)
        }
    }

    @Test("Each fault is found under its name", arguments: Fault.allCases)
    func faults(fault: Fault) async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            try await sandbox.startCoordinator()
            let files = FileManager.default
            let identity = sandbox.path("identities/clients/site-1")
            var environment: [String: String] = [:]
            var data = sandbox.path("sites/site-1")
            var state = sandbox.path("state/check")
            let expected: String
            switch fault {
            case .unknownHost:
                environment["TRIBUTARY_CLIENT_COORDINATOR_HOST"] = "no-such-host.invalid"
                expected = "name"
            case .closedPort:
                environment["TRIBUTARY_CLIENT_COORDINATOR_PORT"] = "\(try DocumentationTests.freePort())"
                expected = "port"
            case .missingKey:
                try files.removeItem(atPath: identity + "/key.pem")
                expected = "identity"
            case .otherFederation:
                let odd = try OddIdentity.fromAnotherAuthority(sandbox)
                for (from, to) in [(odd.certificate, "certificate.pem"), (odd.key, "key.pem")] {
                    try files.removeItem(atPath: "\(identity)/\(to)")
                    try files.moveItem(atPath: from, toPath: "\(identity)/\(to)")
                }
                expected = "session"
            case .noData:
                data = sandbox.path("sites/nowhere")
                expected = "data"
            case .missingShard:
                for name in try files.contentsOfDirectory(atPath: data) where name.hasSuffix(".safetensors") {
                    try files.removeItem(atPath: "\(data)/\(name)")
                }
                expected = "data"
            case .noTrainer:
                environment["TRIBUTARY_CLIENT_TRAINER_COMMAND"] = "[/no/such/trainer]"
                expected = "trainer"
            case .badState:
                state = sandbox.path("federation.yaml")
                expected = "disk"
            }
            let result = try await Self.check(sandbox, data: data, state: state, environment: environment)
            #expect(result.status == 1, "\(result.output)")
            let failed = try result.objects().filter { $0["status"] as? String == "failed" }
            #expect(failed.contains { $0["check"] as? String == expected }, "\(result.output)")
            #expect(failed.allSatisfy { ($0["remedy"] as? String)?.isEmpty == false }, "\(result.output)")
        }
    }

    @Test("A client that is refused says so once and tries again slowly")
    func slowRetry() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            try await sandbox.tributary("revoke", "site-1", "--reason", "test")
            let client = try await sandbox.startClient("site-1")
            _ = try await client.line(containing: "trying again slowly")
            // The first wait of an outage is a tenth of a second: many more attempts would have come by now. On a busy machine
            // the connection itself may try once more before its session has ended.
            let good = try await sandbox.startClient("site-2")
            _ = try await coordinator.line(containing: "session opened", "site-2")
            await good.stop()
            #expect((1...2).contains(coordinator.log.count { $0.contains("refused") && $0.contains("site-1") }))
            #expect(await client.stop() == 0)
        }
    }

    @Test("A daemon with a certificate that ends soon warns and works")
    func expiring() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            let files = try OddIdentity.make(sandbox) { $0.notAfter = Date().addingTimeInterval(86_400 * 5.5) }
            let folder = URL(fileURLWithPath: files.certificate).deletingLastPathComponent().path
            try FileManager.default.copyItem(
                atPath: sandbox.path("identities/clients/site-1/client.yaml"), toPath: folder + "/client.yaml")
            let client = try await sandbox.startClient("site-1", identity: folder)
            _ = try await client.line(containing: "warning", "5 days")
            _ = try await coordinator.line(containing: "session opened", "site-1")
        }
    }

    private static func check(
        _ sandbox: Sandbox, data: String? = nil, state: String? = nil, environment extra: [String: String] = [:]
    ) async throws -> CommandResult {
        var environment = ["TRIBUTARY_CLIENT_COORDINATOR_PORT": "\(await sandbox.port)"]
        environment.merge(extra) { $1 }
        return try await CommandResult.run(
            "tributary-client",
            [
                "check", "--json", "--config", sandbox.path("identities/clients/site-1/client.yaml"),
                "--state", state ?? sandbox.path("state/site-1"), "--data", data ?? sandbox.path("sites/site-1"),
            ], environment: environment, folder: sandbox.folder)
    }
}
