import ArgumentParser

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
            FedMultimodalCommand.self,
        ]
    )
}
