internal import Configuration
internal import GRPCCore
public import GRPCNIOTransportHTTP2Posix
internal import Identity
public import Logging
internal import Wire

/// Connects an operator to its coordinator for the length of a closure.
public enum OperatorSession {
    /// Loads the identity, connects over mutual TLS and runs `body`.
    ///
    /// - Throws: `OperatorError` for what an operator can mend, and what `body` throws.
    public static func withConnection<Result: Sendable>(
        _ configuration: OperatorConfiguration,
        logger: Logger,
        _ body: @Sendable (OperatorConnection<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        let files = IdentityFiles(
            ca: configuration.identity.ca.path,
            certificate: configuration.identity.certificate.path,
            key: configuration.identity.key.path
        )
        let material: IdentityMaterial
        do {
            material = try IdentityMaterial.load(files)
        } catch {
            throw OperatorError(.file, "\(error)")
        }
        if let warning = material.expiryWarning() { logger.warning("\(warning)") }
        let host = configuration.coordinator.host
        let serverName = configuration.coordinator.serverName ?? host
        let transport = try HTTP2ClientTransport.Posix(
            target: .dns(host: host, port: configuration.coordinator.port),
            transportSecurity: MutualTLS.clientSecurity(material: material, serverName: serverName, logger: logger),
            config: TransportSettings.clientConfiguration(authority: serverName),
            serviceConfig: TransportSettings.serviceConfiguration()
        )
        return try await withGRPCClient(transport: transport) { client in
            try await body(
                OperatorConnection(
                    client: client,
                    address: "\(host):\(configuration.coordinator.port)",
                    options: TransportSettings.callOptions()
                )
            )
        }
    }
}
