import ArgumentParser
import Configuration

/// `tributary-lab benchmark`, which `tributary benchmark` becomes.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure training, simulations and robustness, and run the FedMultimodal benchmark.",
        discussion: """
            EXAMPLE
              tributary benchmark train
              tributary benchmark simulate --data ~/data
              tributary benchmark robustness --data ~/data/uci-har --output runs/robustness
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal
            """,
        subcommands: [
            TrainBenchmarkCommand.self, SimulateBenchmarkCommand.self, RobustnessCommand.self,
            FedMultimodalCommand.self, UnknownBenchmark.self,
        ],
        defaultSubcommand: UnknownBenchmark.self
    )
}

/// Says which benchmark was meant: a word that is none would otherwise be taken for an argument of no command.
struct UnknownBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "unknown", shouldDisplay: false)

    @Argument(parsing: .captureForPassthrough, help: .hidden)
    var words: [String] = []

    func run() throws {
        guard let word = words.first, !word.hasPrefix("-") else { throw CleanExit.helpRequest(BenchmarkCommand.self) }
        let names = BenchmarkCommand.configuration.subcommands.compactMap { $0.configuration.commandName }
        throw ValidationError(
            "unknown benchmark '\(word)'" + Suggestion.text(for: word, among: names.filter { $0 != "unknown" }))
    }
}
