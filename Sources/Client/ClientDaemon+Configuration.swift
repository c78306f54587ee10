import Configuration
import Durability
import Identity
public import Logging

extension ClientDaemon {
    /// The version in the hello.
    public static let software = "tributary-client 0.1.0"

    /// Makes the daemon of a configuration file, with its certificate as its name.
    ///
    /// Crash points follow the environment, see `CrashPoints`.
    ///
    /// - Throws: what ``init(_:connector:logger:)`` throws, `IdentityError` for the certificate, and ``ClientError`` when
    ///   the certificate is not that of a client of the federation or there is no trainer.
    public convenience init(_ configuration: ClientConfiguration, logger: Logger) throws {
        let files = configuration.identity.files
        let material = try IdentityMaterial.load(files)
        let identity = material.identity
        guard identity.role == .client, identity.federation == configuration.federation else {
            throw ClientError(
                .configuration,
                "\(files.certificate) is of \(identity.uri), expected a client of the federation "
                    + "\"\(configuration.federation)\"")
        }
        let parts = Parts(
            client: identity.name, state: configuration.state.path, data: configuration.data.map(\.path.path),
            trainer: try configuration.trainer.configuration(relativeTo: configuration.folder),
            trainersKept: configuration.trainer.keep, rules: configuration.allow, software: Self.software,
            crashPoints: .fromEnvironment)
        let connector = TLSConnector(coordinator: configuration.coordinator, files: files, logger: logger)
        try self.init(parts, connector: connector, logger: logger)
    }
}
