import ArgumentParser

/// `tributary benchmark`: becomes `tributary-lab benchmark`, which loads LibTorch.
struct BenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "benchmark",
        abstract: "Measure training, and run the FedMultimodal benchmark.",
        discussion: """
            EXAMPLE
              tributary benchmark train
              tributary benchmark fedmultimodal --data ~/data/uci-har --output runs/fedmultimodal

            Carried out by tributary-lab, beside this program or in PATH; all options: tributary benchmark --help.
            """
    )

    @Argument(parsing: .captureForPassthrough, help: "The arguments of tributary-lab benchmark.")
    var arguments: [String] = []

    func run() throws {
        try LabProgram.become(["benchmark"] + arguments)
    }
}
