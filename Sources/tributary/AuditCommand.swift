import ArgumentParser
import Foundation
import Identity
import Operator

struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit",
        abstract: "Read the coordinator's audit log, or verify that nobody changed it.",
        subcommands: [Verify.self, Show.self]
    )

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Check the hash chain of the audit log. Exit status 1 if it is broken.",
            discussion: """
                EXAMPLE
                  tributary audit verify --file state/audit.log     # on the coordinator's machine
                  tributary audit verify --config operator.yaml     # through the coordinator

                Keep the printed head somewhere else: with it, a log that was cut at its end is found out too.
                """
        )

        @Option(help: "The log file; without it the coordinator is asked.", completion: .file())
        var file: String?

        @Option(help: "A head printed earlier; it must be in the log.")
        var head: String?

        @OptionGroup var connection: ConnectionOptions
        @OptionGroup var output: OutputOptions

        struct Result: Encodable {
            var intact: Bool
            var records: Int
            var head: String
            var brokenLine: Int?
            var reason: String?
        }

        func run() async throws {
            let verification: AuditVerification
            var lines: [String] = []
            if let file {
                verification = try AuditLog.verify(path: file)
                if head != nil {
                    lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n").map(String.init)
                }
            } else {
                lines = try await connection.withConnection { try await $0.auditLines() }
                verification = AuditLog.verify(lines: lines)
            }
            var result = Result(
                intact: verification.isIntact,
                records: verification.records,
                head: verification.head,
                brokenLine: verification.broken?.line,
                reason: verification.broken?.reason
            )
            if let head, result.intact, !lines.contains(where: { $0.contains("\"hash\":\"\(head)\"") }) {
                result.intact = false
                result.reason = "the head \(head) is not in the log: lines were cut from its end"
            }
            try output.printer.print(result) {
                result.intact ? ["intact: \(verification)"] : ["BROKEN: \(result.reason ?? "\(verification)")"]
            }
            if !result.intact { throw ExitCode(1) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show",
            abstract: "Print the audit log as it stands, one JSON object a line.",
            discussion: """
                EXAMPLE
                  tributary audit show | tail -n 20
                """
        )

        @OptionGroup var connection: ConnectionOptions

        func run() async throws {
            for line in try await connection.withConnection({ try await $0.auditLines() }) { print(line) }
        }
    }
}
