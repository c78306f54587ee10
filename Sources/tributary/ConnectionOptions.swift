import ArgumentParser
import Configuration
import Foundation
import GRPCNIOTransportHTTP2Posix
import Logging
import Operator

/// Which coordinator a command talks to, and as whom.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: "The operator's configuration file; default: TRIBUTARY_OPERATOR, then ./operator.yaml.",
        completion: .file(extensions: ["yaml"])
    )
    var config: String?

    @Option(help: "Another coordinator than the file's, as host:port.")
    var coordinator: String?

    /// Connects for the length of `body`.
    func withConnection<Result: Sendable>(
        _ body: @Sendable (OperatorConnection<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        var logger = Logger(label: "tributary") { StandardErrorLog(label: $0) }
        logger.logLevel = .warning
        return try await OperatorSession.withConnection(try configuration(), logger: logger, body)
    }

    private func configuration() throws -> OperatorConfiguration {
        let path = config ?? ProcessInfo.processInfo.environment["TRIBUTARY_OPERATOR"] ?? "operator.yaml"
        guard FileManager.default.fileExists(atPath: path) else {
            throw OperatorError(
                .file,
                "\(path): no such file. Name the operator's configuration with --config or TRIBUTARY_OPERATOR; "
                    + "`tributary provision` writes one for each operator"
            )
        }
        var overrides: [String: String] = [:]
        if let coordinator {
            guard let colon = coordinator.lastIndex(of: ":"),
                let port = Int(coordinator[coordinator.index(after: colon)...]),
                (1...65_535).contains(port), colon > coordinator.startIndex
            else { throw OperatorError(.usage, "--coordinator is '\(coordinator)'; expected host:port") }
            overrides["coordinator.host"] = String(coordinator[..<colon])
            overrides["coordinator.port"] = String(port)
        }
        return try ConfigurationFile.load(
            OperatorConfiguration.self,
            path: path,
            environmentPrefix: OperatorConfiguration.environmentPrefix,
            overrides: overrides
        )
    }
}
