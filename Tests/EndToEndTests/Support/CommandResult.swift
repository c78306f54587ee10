import Foundation

/// What a command that ran to its end printed.
struct CommandResult: Sendable {
    var status: Int32
    var output: String
    var errors: String

    /// Runs an executable to its end.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String] = [:], folder: URL? = nil
    ) async throws -> CommandResult {
        let process = try RunningProcess(executable, arguments, environment: environment, folder: folder)
        let status = await process.ended()
        return CommandResult(
            status: status, output: process.standardOutput, errors: process.log.joined(separator: "\n"))
    }

    /// The JSON objects on standard output, one a line.
    func objects() throws -> [[String: Any]] {
        try output.split(separator: "\n").map {
            try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any] ?? [:]
        }
    }
}
