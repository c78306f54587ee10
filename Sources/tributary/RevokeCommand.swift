import ArgumentParser
import Operator

struct RevokeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke",
        abstract: "Shut a participant out at once: its session is closed and its certificates are refused from now on.",
        discussion: """
            EXAMPLE
              tributary revoke site-3 --reason "laptop stolen"
              tributary revoke site-3 --reinstate      # after `tributary provision --renew site-3`

            After --reinstate only certificates issued after the revocation are admitted.
            """
    )

    @Argument(help: "The participant's name.")
    var name: String

    @Option(help: "client or operator.")
    var role = "client"

    @Option(help: "Why, for the audit log.")
    var reason = ""

    @Flag(help: "Take the revocation back.")
    var reinstate = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard ["client", "operator"].contains(role) else {
            throw ValidationError("--role is '\(role)'; expected client or operator.")
        }
    }

    struct Result: Encodable {
        var name: String
        var role: String
        var revoked: Bool
        var sessionsClosed: Int
    }

    func run() async throws {
        let closed = try await connection.withConnection {
            try await $0.revoke(name: name, role: role, reason: reason, reinstate: reinstate)
        }
        try output.printer.print(Result(name: name, role: role, revoked: !reinstate, sessionsClosed: closed)) {
            reinstate
                ? ["\(role) \(name) is reinstated for certificates issued after the revocation"]
                : ["\(role) \(name) is revoked; \(closed) session\(closed == 1 ? "" : "s") closed"]
        }
    }
}
