import ArgumentParser

/// The operator's command: everything that needs no model.
@main
struct Tributary: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tributary",
        abstract: "Run federated learning jobs: provision, submit, watch, export.",
        discussion: """
            EXAMPLE
              tributary provision federation.yaml --output identities
              tributary submit job.yaml --config identities/operators/alice/operator.yaml --watch
              tributary export har-fedavg --round best --format safetensors --output model

            A coordinator is started with `tributary-coordinator serve`, a client with `tributary-client run`.
            """,
        version: "tributary 0.1.0",
        subcommands: [
            ProvisionCommand.self, SubmitCommand.self, JobsCommand.self, WatchCommand.self, StopCommand.self,
            ExportCommand.self, ReportCommand.self, ClientsCommand.self, RevokeCommand.self, AuditCommand.self,
            PartitionCommand.self,
            SimulateCommand.self, BenchmarkCommand.self, PrivacyCommand.self,
        ]
    )
}
