internal import Configuration
internal import Datasets
internal import Foundation
internal import GRPCNIOTransportHTTP2Posix
internal import Identity
internal import Logging
internal import Measurement
internal import Operator
internal import Synchronization

/// A federation for measurements: the shipped programs as processes on this machine, with certificates of their own in
/// a temporary folder. Nothing of it is left afterwards.
public final class LoadFederation: Sendable {
    /// What it is made of.
    public struct Options: Sendable {
        /// The folder with tributary-coordinator, tributary-client and tributary-lab.
        public var programs: String
        /// How many client daemons train.
        public var daemons = 0
        /// Whether one more client daemon evaluates.
        public var hasEvaluator = false
        /// Further arguments of `tributary-coordinator serve`.
        public var arguments: [String] = []
        /// Settings of the coordinator as environment variables.
        public var environment: [String: String] = [:]

        /// The programs, and no client daemons.
        public init(programs: String) { self.programs = programs }
    }

    static let name = "load"
    static let dataset = "load"

    let folder: String
    let port: Int
    let coordinator: ChildProgram
    let authority: CertificateAuthority
    private let options: Options
    private let programs = Mutex<[ChildProgram]>([])

    /// Runs `body` with a federation whose daemons are connected, and takes everything away afterwards.
    public static func with<Result: Sendable>(
        _ options: Options, _ body: (LoadFederation) async throws -> Result
    ) async throws -> Result {
        let federation = try await LoadFederation(options)
        do {
            try await federation.startDaemons()
            let result = try await body(federation)
            federation.closeNow()
            return result
        } catch {
            await Interruption.giveWay()
            let ending = federation.coordinator.ending
            let failure = ending == nil ? error : federation.coordinator.failure("\(error)")
            federation.closeNow()
            throw failure
        }
    }

    private init(_ options: Options) async throws {
        self.options = options
        folder =
            FileManager.default.temporaryDirectory.appendingPathComponent("tributary-load-\(UUID().uuidString)").path
        Interruption.add(folder: folder)
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let file = FederationFile(
                federation: Self.name, coordinator: .init(hosts: ["127.0.0.1", "localhost"]),
                clients: Self.clientNames(options).map { .init(name: $0) }, operators: ["alice"])
            try Provisioner(file, output: "\(folder)/identities").run()
            authority = try CertificateAuthority(
                certificate: PEM.certificate(Self.text("\(folder)/identities/ca/ca.pem"), source: "ca.pem"),
                key: PEM.key(Self.text("\(folder)/identities/ca/ca.key"), source: "ca.key"))
            coordinator = try Interruption.start { [folder] in
                try ChildProgram(
                    "tributary-coordinator",
                    [
                        "\(options.programs)/tributary-coordinator", "serve", "--config",
                        "\(folder)/identities/coordinator/coordinator.yaml", "--state", "\(folder)/state", "--host",
                        "127.0.0.1", "--port", "0",
                    ] + options.arguments, environment: options.environment, log: "\(folder)/coordinator.log")
            }
        } catch {
            await Interruption.giveWay()
            try? FileManager.default.removeItem(atPath: folder)
            Interruption.remove([], folder: folder)
            throw error
        }
        do {
            port = try await Self.port(of: coordinator, folder: folder)
        } catch {
            await Interruption.giveWay()
            coordinator.signal(SIGTERM)
            coordinator.wait()
            try? FileManager.default.removeItem(atPath: folder)
            Interruption.remove([coordinator], folder: folder)
            throw error
        }
    }

    private static func clientNames(_ options: Options) -> [String] {
        (0..<options.daemons).map { "site-\($0 + 1)" } + (options.hasEvaluator ? ["evaluator"] : [])
    }

    private static func text(_ path: String) throws -> String { try String(contentsOfFile: path, encoding: .utf8) }

    /// Waits until the coordinator has written where it listens.
    private static func port(of coordinator: ChildProgram, folder: String) async throws -> Int {
        for _ in 0..<3000 {
            if let address = try? text("\(folder)/state/address"),
                let port = Int(address.trimmingCharacters(in: .whitespacesAndNewlines).split(separator: ":").last ?? "")
            {
                return port
            }
            guard coordinator.ending == nil else { break }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw coordinator.failure("it does not listen")
    }

    // MARK: Client daemons

    /// The client daemons, in order; the evaluator comes last.
    var daemons: [ChildProgram] { programs.withLock { $0 } }

    private func startDaemons() async throws {
        let names = Self.clientNames(options)
        guard !names.isEmpty else { return }
        for name in names {
            let site = "\(folder)/sites/\(name)"
            try FileManager.default.createDirectory(atPath: site, withIntermediateDirectories: true)
            let split = name == "evaluator" ? "test" : "train"
            // The echo trainer reads the manifest and none of the examples.
            let manifest = SiteManifest(
                dataset: Self.dataset, classes: ["one"], modalities: [Modality(name: "values", shape: [1])],
                splits: [split: [.init(file: "\(split).safetensors", examples: 10)]])
            try JSONEncoder().encode(manifest).write(to: URL(fileURLWithPath: "\(site)/\(SiteManifest.fileName)"))
            let daemon = try Interruption.start {
                try ChildProgram(
                    name,
                    [
                        "\(options.programs)/tributary-client", "run", "--config",
                        "\(folder)/identities/clients/\(name)/client.yaml", "--data", site, "--coordinator-port",
                        "\(port)",
                    ], log: "\(folder)/\(name).log")
            }
            programs.withLock { $0.append(daemon) }
        }
        try await asOperator { connection in
            while try await connection.clients().count(where: { $0.state == "connected" }) < names.count {
                for daemon in self.daemons where daemon.ending != nil { throw daemon.failure("it does not connect") }
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    // MARK: Jobs

    /// Connects as the federation's operator.
    func asOperator<Result: Sendable>(
        _ body: @Sendable (OperatorConnection<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        var configuration = try ConfigurationFile.load(
            OperatorConfiguration.self, path: "\(folder)/identities/operators/alice/operator.yaml")
        configuration.coordinator.port = port
        var logger = Logger(label: "load")
        logger.logLevel = .error
        return try await OperatorSession.withConnection(configuration, logger: logger, body)
    }

    // MARK: The end

    /// Ends the programs and removes the folder; returns when nothing is left. Blocks for a moment.
    func closeNow() {
        let all = programs.withLock { $0 } + [coordinator]
        for program in all { program.signal(SIGTERM) }
        for program in all { program.wait() }
        try? FileManager.default.removeItem(atPath: folder)
        Interruption.remove(all, folder: folder)
    }
}
