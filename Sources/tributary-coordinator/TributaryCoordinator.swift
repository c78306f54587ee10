import ArgumentParser
import Wire

/// The coordinator daemon: runs the rounds of a federation.
@main
struct TributaryCoordinator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-coordinator",
        abstract: "Runs the rounds of a federation: keeps jobs and weights, admits updates, aggregates them.",
        version: "0.1.0",
        subcommands: [ServeCommand.self])

    static func main() async {
        TransferHeap.configure()
        await main(nil)
    }
}
