import ArgumentParser
import Wire

/// The daemon of a data site.
@main
struct TributaryClient: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-client",
        abstract: "Trains on a site's data for the jobs of a federation.",
        discussion: """
            The data never leaves the site. The daemon opens a session with the coordinator, trains in a child process that \
            the site's configuration names and limits, and sends updates of the weights.

            Examples:
              tributary-client check --config client.yaml
              tributary-client run --config client.yaml
            """,
        version: "0.1.0",
        subcommands: [RunCommand.self, CheckCommand.self]
    )

    static func main() async {
        TransferHeap.configure()
        await main(nil)
    }
}
