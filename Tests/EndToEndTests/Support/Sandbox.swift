import Foundation
import Testing

/// A federation in a temporary folder: identities, sites, and the daemons as processes. Everything it started is ended
/// by `close()`.
actor Sandbox {
    let folder: URL
    private(set) var port = 0
    private var running: [RunningProcess] = []
    private var coordinator: RunningProcess?
    private var federation: String

    /// Makes the identities.
    init(clients: [String] = ["site-1", "site-2", "evaluator"], operators: [String] = ["alice"]) async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tributary-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        federation = """
            federation: e2e
            coordinator: {name: coordinator, hosts: [localhost, 127.0.0.1], port: 8443}
            clients: [\(clients.joined(separator: ", "))]
            operators: [\(operators.joined(separator: ", "))]
            """
        try federation.write(to: folder.appendingPathComponent("federation.yaml"), atomically: true, encoding: .utf8)
        try await succeed("tributary", ["provision", path("federation.yaml"), "--output", path("identities")])
    }

    nonisolated func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    /// Runs a body with a sandbox and takes everything away afterwards.
    static func with<Result: Sendable>(
        clients: [String] = ["site-1", "site-2", "evaluator"],
        _ body: (Sandbox) async throws -> Result
    ) async throws -> Result {
        let sandbox = try await Sandbox(clients: clients)
        do {
            let result = try await body(sandbox)
            await sandbox.close()
            return result
        } catch {
            let log = await sandbox.logs()
            await sandbox.close()
            Issue.record("the federation's logs:\n\(log)")
            throw error
        }
    }

    /// Small generated data: `sites` sites and an evaluator.
    func makeData(sites: Int = 2, subjects: Int = 6, windows: Int = 2) async throws {
        try await succeed(
            "tributary",
            [
                "partition", "--dataset", "synthetic-har", "--sites", "\(sites)", "--subjects", "\(subjects)",
                "--windows", "\(windows)", "--output", path("sites"),
            ])
    }

    /// Starts the coordinator and returns when it listens.
    @discardableResult
    func startCoordinator(
        crashPoint: String? = nil, port wanted: Int? = nil, environment extra: [String: String] = [:]
    ) async throws -> RunningProcess {
        var environment = extra
        environment["TRIBUTARY_CRASH_POINT"] = crashPoint
        let process = try RunningProcess(
            "tributary-coordinator",
            [
                "serve", "--config", path("identities/coordinator/coordinator.yaml"), "--state",
                path("state/coordinator"),
                "--host", "127.0.0.1", "--port", "\(wanted ?? port)",
            ],
            name: "coordinator",
            environment: environment
        )
        running.append(process)
        coordinator = process
        _ = try await process.line(containing: "listening")
        let address = try String(contentsOfFile: path("state/coordinator/address"), encoding: .utf8)
        port = Int(address.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last ?? "") ?? 0
        return process
    }

    /// Starts a client daemon; `site` is its folder under `sites`, `identity` another participant's folder.
    @discardableResult
    func startClient(
        _ name: String, site: String? = nil, identity: String? = nil, crashPoint: String? = nil,
        trainer: String? = nil, environment extra: [String: String] = [:]
    ) throws -> RunningProcess {
        var environment = extra
        environment["TRIBUTARY_CRASH_POINT"] = crashPoint
        environment["TRIBUTARY_CLIENT_COORDINATOR_PORT"] = "\(port)"
        if let trainer { environment["TRIBUTARY_CLIENT_TRAINER_COMMAND"] = trainer }
        let process = try RunningProcess(
            "tributary-client",
            [
                "run", "--config", (identity ?? path("identities/clients/\(name)")) + "/client.yaml",
                "--state", path("state/\(name)"), "--data", path("sites/\(site ?? name)"),
            ],
            name: name,
            environment: environment
        )
        running.append(process)
        return process
    }

    /// The operator's connection arguments.
    func connection(_ name: String = "alice", folder: String? = nil) -> [String] {
        [
            "--config", (folder ?? path("identities/operators/\(name)")) + "/operator.yaml",
            "--coordinator", "127.0.0.1:\(port)",
        ]
    }

    /// Runs an operator command that needs the coordinator; throws when it fails.
    @discardableResult
    func tributary(_ arguments: String...) async throws -> CommandResult {
        try await succeed("tributary", arguments + connection())
    }

    /// Runs a command; throws with what it printed when it fails.
    @discardableResult
    func succeed(_ executable: String, _ arguments: [String]) async throws -> CommandResult {
        let result = try await CommandResult.run(executable, arguments, folder: folder)
        guard result.status == 0 else {
            throw RunningProcess.Failure(
                description:
                    "\(executable) \(arguments) ended with \(result.status):\n\(result.output)\n\(result.errors)")
        }
        return result
    }

    /// Writes a job file and submits it; returns the job's identifier.
    func submit(_ job: String, token: String = "") async throws -> String {
        try job.write(toFile: path("job.yaml"), atomically: true, encoding: .utf8)
        var arguments = ["submit", path("job.yaml")]
        if !token.isEmpty { arguments += ["--token", token] }
        return try await succeed("tributary", arguments + connection()).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Exports a job's weights and returns the file's bytes.
    func export(_ job: String, round: String = "last") async throws -> Data {
        let output = path("export-\(UUID().uuidString)")
        try await succeed("tributary", ["export", job, "--round", round, "--output", output] + connection())
        return try Data(contentsOf: URL(fileURLWithPath: output + "/weights.safetensors"))
    }

    /// What every process logged.
    func logs() -> String {
        running.map { "── \($0.name)\n" + $0.log.suffix(40).joined(separator: "\n") }.joined(separator: "\n")
    }

    /// Ends everything that was started, by its own process id.
    func close() async {
        for process in running.reversed() { process.signal(SIGTERM) }
        for process in running { await process.stop() }
        try? FileManager.default.removeItem(at: folder)
    }
}
