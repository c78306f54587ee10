import ArgumentParser

/// `tributary-lab benchmark`, which `tributary benchmark` becomes.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure training, and run the FedMultimodal benchmark.",
        discussion: """
            EXAMPLE
              tributary benchmark train
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal
            """,
        subcommands: [TrainBenchmarkCommand.self, FedMultimodalCommand.self]
    )
}
