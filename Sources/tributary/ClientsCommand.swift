import ArgumentParser
import Foundation
import Operator

struct ClientsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clients",
        abstract:
            "List the clients: connected, away or revoked, their data, and the days their certificates have left.",
        discussion: """
            EXAMPLE
              tributary clients --config identities/operators/alice/operator.yaml
            """
    )

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let clients = try await connection.withConnection { try await $0.clients() }
        let printer = output.printer
        if printer.isJSON {
            for client in clients { try printer.print(client) { [] } }
            return
        }
        guard !clients.isEmpty else {
            Printer.note(
                "No client has connected yet. `tributary-client run --config client.yaml` starts one at its site.")
            return
        }
        var table = TextTable([
            ("client", .left), ("state", .left), ("days left", .right), ("last seen", .left), ("activity", .left),
            ("data", .left), ("software", .left), ("reason", .left),
        ])
        for client in clients {
            let data = client.datasets.sorted { $0.key < $1.key }.map { name, splits in
                name + " " + splits.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            }
            table.add([
                client.name, client.state, client.certificateDaysLeft.map(String.init) ?? "-",
                client.lastSeen?.formatted(.iso8601) ?? "never", client.activity, data.joined(separator: "; "),
                client.software, client.reason,
            ])
        }
        for line in table.lines() { print(line) }
        for client in clients where client.state != "revoked" {
            guard let days = client.certificateDaysLeft, days < 30 else { continue }
            Printer.note(
                "warning: the certificate of \(client.name) \(days < 0 ? "has ended" : "ends in \(days) days"): "
                    + "tributary provision FEDERATION.yaml --renew \(client.name) --output DIR"
            )
        }
    }
}
