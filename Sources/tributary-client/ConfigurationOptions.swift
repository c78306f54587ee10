import ArgumentParser
import Client
import Configuration
import Foundation
import Logging

/// Where the configuration comes from: flags win over TRIBUTARY_CLIENT_… variables, which win over the file.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        help: "The configuration file, client.yaml.",
        completion: .file(extensions: ["yaml", "yml"]))
    var config = "client.yaml"

    @Option(help: "The folder for everything that has to survive a restart.", completion: .directory)
    var state: String?

    @Option(help: "A site folder; repeatable, instead of those of the file.", completion: .directory)
    var data: [String] = []

    @Option(help: "The coordinator's host name or address.")
    var coordinatorHost: String?

    @Option(help: "The coordinator's port.")
    var coordinatorPort: Int?

    @Option(name: .customLong("set"), help: "Another key of the file, for instance trainer.memory=2GiB; repeatable.")
    var settings: [String] = []

    @Option(help: "trace, debug, info, notice, warning or error; also TRIBUTARY_LOG_LEVEL.")
    var logLevel: String?

    func load() throws -> ClientConfiguration {
        var overrides: [String: String] = [:]
        for setting in settings {
            guard let separator = setting.firstIndex(of: "="), separator != setting.startIndex else {
                throw ValidationError("--set \(setting): expected KEY=VALUE")
            }
            overrides[String(setting[..<separator])] = String(setting[setting.index(after: separator)...])
        }
        // A flag's path is relative to where the command runs, not to the file.
        overrides["state"] = state.map { URL(fileURLWithPath: $0).path } ?? overrides["state"]
        if !data.isEmpty {
            let folders = try data.map { try "{path: \(Self.quoted(URL(fileURLWithPath: $0).path))}" }
            overrides["data"] = "[\(folders.joined(separator: ", "))]"
        }
        overrides["coordinator.host"] = coordinatorHost ?? overrides["coordinator.host"]
        overrides["coordinator.port"] = coordinatorPort.map(String.init) ?? overrides["coordinator.port"]
        return try ClientConfiguration.load(path: config, overrides: overrides)
    }

    /// A JSON string is a YAML scalar too.
    private static func quoted(_ text: String) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return String(decoding: try encoder.encode(text), as: UTF8.self)
    }

    func makeLogger(standard: Logger.Level) throws -> Logger {
        let name = logLevel ?? ProcessInfo.processInfo.environment["TRIBUTARY_LOG_LEVEL"]
        var level = standard
        if let name, !name.isEmpty {
            guard let known = Logger.Level(rawValue: name) else {
                throw ValidationError(
                    "log level \(name): expected trace, debug, info, notice, warning, error or critical")
            }
            level = known
        }
        LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
        var logger = Logger(label: "tributary-client")
        logger.logLevel = level
        return logger
    }
}
