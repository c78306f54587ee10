import ArgumentParser

/// `tributary-lab`: everything of Tributary that runs model code.
@main
struct Lab: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary-lab",
        abstract: "Trains and evaluates models; the one Tributary program that loads LibTorch.",
        discussion: """
            The client daemon starts 'tributary-lab trainer' for every job; people rarely need to.

            Example, by hand (answers with one JSON line, then exits at the end of input):
              echo '{"type":"hello","version":1,"job":"try","client":"me","clientIndex":0,"seed":8,"threads":1,\
            "model":{"name":"har"},"data":null}' | tributary-lab trainer
            """,
        version: TrainerCommand.version,
        subcommands: [TrainerCommand.self, SimulateCommand.self, BenchmarkCommand.self]
    )
}
