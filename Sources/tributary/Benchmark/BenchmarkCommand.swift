import ArgumentParser

/// `tributary benchmark`: what needs no model is measured here, the rest by `tributary-lab benchmark`.
struct BenchmarkCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure this machine's figures, and run the FedMultimodal benchmark.",
        discussion: """
            EXAMPLE
              tributary benchmark fold --rule median
              tributary benchmark wire
              tributary benchmark round --json
              tributary benchmark sessions --sessions 5000
              tributary benchmark secure-aggregation --clients 10,50
              tributary benchmark train
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal

            Every figure is the median of its repetitions with the smallest and the largest, beside what the machine can \
            do at most where that was measured in the same run.

            Any other word (train, fedmultimodal) goes to tributary-lab, beside this program or in PATH; its list and \
            options: tributary benchmark lab --help.
            """,
        subcommands: [
            FoldBenchmarkCommand.self,
            LabBenchmarkCommand.self, WireBenchmarkCommand.self, RoundBenchmarkCommand.self,
            SessionsBenchmarkCommand.self, GrowthBenchmarkCommand.self, SecureAggregationBenchmarkCommand.self,
        ],
        defaultSubcommand: LabBenchmarkCommand.self
    )
}

/// `tributary benchmark WORD` for the words of `tributary-lab benchmark`: becomes that program, which loads LibTorch.
struct LabBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lab",
        abstract: "Measure what needs a model (train, fedmultimodal and more): carried out by tributary-lab."
    )

    @Argument(parsing: .captureForPassthrough, help: "The arguments of tributary-lab benchmark.")
    var arguments: [String] = []

    func run() throws {
        try LabProgram.become(["benchmark"] + arguments)
    }
}
