import ArgumentParser

/// `tributary-lab benchmark`, which `tributary benchmark` becomes.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure training and simulations, and run the FedMultimodal benchmark.",
        discussion: """
            EXAMPLE
              tributary benchmark train
              tributary benchmark simulate --data ~/data
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal
            """,
        subcommands: [TrainBenchmarkCommand.self, SimulateBenchmarkCommand.self, FedMultimodalCommand.self]
    )
}
