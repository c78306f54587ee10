import ArgumentParser
import Coordinator
import Durability
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

/// `tributary-coordinator serve`.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves until SIGTERM or SIGINT.",
        discussion: """
            EXAMPLE
              tributary-coordinator serve --config federation/coordinator/coordinator.yaml --port 8443

            Flags win over the environment (TRIBUTARY_COORDINATOR_LISTEN_PORT, …), which wins over the file. The address \
            is printed, logged and written to STATE/address. The state folder is locked: one coordinator at a time.
            """)

    @Option(help: "The configuration file.", completion: .file(extensions: ["yaml", "yml"]))
    var config: String

    @Option(help: "The state folder; made when missing.", completion: .directory)
    var state: String?

    @Option(help: "The address to listen on.")
    var host: String?

    @Option(help: "The port to listen on; 0 for any free one.")
    var port: Int?

    @Option(help: "How many transfers run at once.")
    var transfers: Int?

    @Option(help: "How many jobs run at once; the others are queued.")
    var maxJobs: Int?

    @Option(help: "How many clients may have a session at once.")
    var maxSessions: Int?

    @Option(help: "Below this much free disk jobs pause, for instance 1GiB.")
    var minimumFreeDisk: String?

    @Option(help: "trace, debug, info, notice, warning or error.", transform: Self.level)
    var logLevel: Logger.Level = .info

    @Option(help: "text or json: one line, or one JSON object, an event.")
    var logFormat: LogFormat = .text

    func run() async throws {
        let (level, format) = (logLevel, logFormat)
        LoggingSystem.bootstrap { label in LineLogHandler(label: label, level: level, format: format) }
        let logger = Logger(label: "coordinator")
        do {
            try await serve(logger)
        } catch let error as ExitCode {
            throw error
        } catch {
            FileHandle.standardError.write(Data("tributary-coordinator: \(error)\n".utf8))
            throw ExitCode.failure
        }
    }

    private func serve(_ logger: Logger) async throws {
        let configuration = try CoordinatorConfiguration.load(
            path: config, environment: ProcessInfo.processInfo.environment, overrides: overrides)
        let files = OpenFileLimit.raise()
        if files < configuration.maxSessions + OpenFileLimit.reserve {
            logger.warning(
                "this process may open fewer files than maxSessions asks for: raise the hard limit (ulimit -Hn, LimitNOFILE)",
                metadata: ["files": "\(files)", "maxSessions": "\(configuration.maxSessions)"])
        }
        var settings = CoordinatorSettings(configuration)
        settings.crash = CrashPoints.fromEnvironment
        let server = try CoordinatorServer(configuration: configuration, settings: settings, logger: logger) {
            FileHandle.standardOutput.write(Data("listening on \($0)\n".utf8))
        }
        var group = ServiceGroupConfiguration(
            services: [.init(service: server, successTerminationBehavior: .gracefullyShutdownGroup)],
            gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        // Clients are drained and transfers resume later, so nothing is worth waiting for.
        group.maximumGracefulShutdownDuration = .seconds(10)
        try await ServiceGroup(configuration: group).run()
    }

    private static func level(_ text: String) throws -> Logger.Level {
        guard let level = Logger.Level(rawValue: text) else {
            throw ValidationError("found \"\(text)\", expected trace, debug, info, notice, warning or error")
        }
        return level
    }

    /// Flags as configuration values by key path.
    private var overrides: [String: String] {
        var values: [String: String] = [:]
        values["state"] = state.map { quoted(absolute($0)) }
        values["listen.host"] = host.map(quoted)
        values["listen.port"] = port.map(String.init)
        values["transfers"] = transfers.map(String.init)
        values["maxJobs"] = maxJobs.map(String.init)
        values["maxSessions"] = maxSessions.map(String.init)
        values["minimumFreeDisk"] = minimumFreeDisk.map(quoted)
        return values
    }

    /// A path given on the command line is relative to the current folder, not to the file's.
    private func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : "\(FileManager.default.currentDirectoryPath)/\(path)"
    }

    private func quoted(_ text: String) -> String {
        "\"\(text.replacingOccurrences(of: "\\", with: "\\\\").replacingOccurrences(of: "\"", with: "\\\""))\""
    }
}
