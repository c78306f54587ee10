import ArgumentParser
import Client
import Configuration
import Logging
import ServiceLifecycle
import UnixSignals

/// `tributary-client run`
struct RunCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "Runs the daemon until it is told to stop.",
        discussion: """
            SIGTERM and Ctrl-C end it: it says goodbye to the coordinator, gives a running task up, and leaves no trainer \
            behind. Finished updates stay in the state folder until the coordinator has them.

            Examples:
              tributary-client run --config /etc/tributary/client.yaml
              tributary-client run --set trainer.memory=2GiB
              TRIBUTARY_CLIENT_COORDINATOR_PORT=9443 tributary-client run
            """
    )

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        let logger = try options.makeLogger(standard: .info)
        let configuration = try options.load()
        let daemon = try ClientDaemon(configuration, logger: logger)
        let watch = CertificateWatch(files: configuration.identity.files, logger: logger)
        logger.info(
            "client daemon starts",
            metadata: [
                "coordinator": "\(configuration.coordinator.host):\(configuration.coordinator.port)",
                "state": "\(configuration.state)",
            ])
        var group = ServiceGroupConfiguration(
            services: [
                .init(service: daemon),
                .init(service: watch, successTerminationBehavior: .ignore),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        group.maximumGracefulShutdownDuration = .seconds(15)
        try await ServiceGroup(configuration: group).run()
    }
}
