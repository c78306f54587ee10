internal import Configuration
internal import Durability
internal import Foundation
internal import GRPCCore
internal import GRPCNIOTransportHTTP2Posix
internal import Identity
public import Logging
public import ServiceLifecycle
internal import Wire
internal import X509

/// The whole daemon: a coordinator behind mutual TLS, as a service.
///
/// Starting checks everything that can be checked before the port is taken; each failure is an error whose message says
/// what to do. Graceful shutdown drains sessions and ends within a few seconds.
public struct CoordinatorServer: Service {
    /// Where the coordinator listens once it does: written to `state/address`.
    static let addressFile = "address"

    private let configuration: CoordinatorConfiguration
    private let material: IdentityMaterial
    private let settings: CoordinatorSettings
    private let logger: Logger
    private let onListening: @Sendable (String) -> Void

    /// Loads and checks the identity.
    ///
    /// - Parameters:
    ///   - configuration: the configuration file.
    ///   - settings: how the coordinator behaves; usually made from the configuration.
    ///   - logger: where it logs.
    ///   - onListening: called once with `host:port` when calls are taken.
    /// - Throws: `IdentityError`; ``CoordinatorError`` `invalidConfiguration` when the certificate cannot serve here.
    public init(
        configuration: CoordinatorConfiguration, settings: CoordinatorSettings, logger: Logger,
        onListening: @escaping @Sendable (String) -> Void = { _ in }
    ) throws {
        self.configuration = configuration
        self.settings = settings
        self.logger = logger
        self.onListening = onListening
        material = try IdentityMaterial.load(configuration.identity.files)
        let problems = material.problems(as: .coordinator, federation: configuration.federation)
        let warning = material.expiryWarning()
        if material.daysLeft >= 0, material.certificate.notValidBefore <= Date(), let warning {
            logger.warning("\(warning)")
        }
        let fatal = problems.filter {
            $0 != warning || material.daysLeft < 0 || material.certificate.notValidBefore > Date()
        }
        guard fatal.isEmpty else {
            throw CoordinatorError(
                .invalidConfiguration,
                "\(configuration.identity.certificate): " + fatal.joined(separator: "; "))
        }
    }

    /// Serves until shutdown.
    public func run() async throws {
        let coordinator = try await Coordinator.open(
            folder: configuration.state.path, settings: settings, logger: logger)
        // An address of an earlier run must not send anybody astray.
        let addressFile = "\(configuration.state)/\(Self.addressFile)"
        try DurableFile.remove(addressFile)
        defer { _ = try? DurableFile.remove(addressFile) }
        let reporter = RefusalReporter(logger: logger, audit: coordinator.auditLog)
        let connections = PeerConnections(reporter: reporter)
        coordinator.use(connections)
        var transportConfiguration = TransportSettings.serverConfiguration()
        connections.install(in: &transportConfiguration)
        let transport = HTTP2ServerTransport.Posix(
            address: try address(),
            transportSecurity: MutualTLS.serverSecurity(
                material: material, admission: coordinator.revocations, connections: connections),
            config: transportConfiguration)
        let interceptor = RoleInterceptor(
            roles: Coordinator.roles, material: material, admission: coordinator.revocations, reporter: reporter)
        let server = GRPCServer(
            transport: transport, services: coordinator.services, interceptors: [interceptor])
        let end = ServerEnd { server.beginGracefulShutdown() }
        try await withGracefulShutdownHandler {
            try await serve(server, transport, coordinator, end)
        } onGracefulShutdown: {
            logger.info("shutting down")
            end.request()
            coordinator.shutDown()
        }
        reporter.drain()
    }

    private func serve(
        _ server: GRPCServer<HTTP2ServerTransport.Posix>, _ transport: HTTP2ServerTransport.Posix,
        _ coordinator: Coordinator, _ end: ServerEnd
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await server.serve()
                } catch {
                    throw cannotListen(error)
                }
            }
            group.addTask { try await coordinator.run() }
            group.addTask { try await announce(transport, end) }
            group.addTask { try await warnOfExpiry() }
            var left = 4
            do {
                while try await group.next() != nil {
                    left -= 1
                    // Only the yearly warning is still to come once the others are done.
                    if left == 1 { group.cancelAll() }
                }
            } catch is CancellationError where left <= 1 {
            } catch {
                end.request()
                coordinator.shutDown()
                group.cancelAll()
                throw error
            }
        }
    }

    private func cannotListen(_ error: any Error) -> CoordinatorError {
        let address = "\(configuration.listen.host):\(configuration.listen.port)"
        return "\(error)".contains("Address already in use")
            ? CoordinatorError(
                .invalidConfiguration,
                "cannot listen on \(address): another program uses the port; choose another with --port or listen.port")
            : CoordinatorError(.invalidConfiguration, "cannot listen on \(address)", cause: error)
    }

    /// Tells where the coordinator listens: in the log, to the caller, and in `state/address`.
    private func announce(_ transport: HTTP2ServerTransport.Posix, _ end: ServerEnd) async throws {
        let listening: String
        let found = try? await transport.listeningAddress
        guard !end.began() else { return }
        // When it never listens, serving has the reason.
        guard let socket = found else { return }
        if let ipv4 = socket.ipv4 {
            listening = "\(ipv4.host):\(ipv4.port)"
        } else if let ipv6 = socket.ipv6 {
            listening = "[\(ipv6.host)]:\(ipv6.port)"
        } else {
            listening = "\(socket)"
        }
        try await withBlockingWork {
            try DurableFile.write("\(listening)\n", to: "\(configuration.state.path)/\(Self.addressFile)")
        }
        logger.info(
            "listening",
            metadata: [
                "address": "\(listening)", "federation": "\(configuration.federation)",
                "name": "\(material.identity.name)", "state": "\(configuration.state)",
                "certificateDaysLeft": "\(material.daysLeft)",
            ])
        ProgramPages.release()
        onListening(listening)
    }

    /// Once a day, while fewer than 30 days are left.
    private func warnOfExpiry() async throws {
        while true {
            try await Task.sleep(for: .seconds(86_400), clock: .continuous)
            if let warning = material.expiryWarning() { logger.warning("\(warning)") }
        }
    }

    private func address() throws -> SocketAddress {
        let host = configuration.listen.host
        let port = configuration.listen.port
        if host == "localhost" { return .ipv4(host: "127.0.0.1", port: port) }
        return host.contains(":") ? .ipv6(host: host, port: port) : .ipv4(host: host, port: port)
    }
}
