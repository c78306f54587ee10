import GRPCCore
import GRPCNIOTransportHTTP2Posix
public import Identity
public import Logging
import Wire
public import WireMessages

/// A connection to the coordinator.
public struct CoordinatorConnection: Sendable {
    /// The federation's service on it.
    public var client: any Tributary_V1_Federation.ClientProtocol
    /// With whose certificate it was made, which is the one that the coordinator saw; nil where there is none.
    public var identity: IdentityMaterial?

    /// A connection from its parts.
    public init(client: any Tributary_V1_Federation.ClientProtocol, identity: IdentityMaterial? = nil) {
        self.client = client
        self.identity = identity
    }
}

/// Makes connections to the coordinator: one for each session, so that the daemon alone decides when to try again.
public protocol CoordinatorConnector: Sendable {
    /// Where the coordinator is, for people.
    var address: String { get }

    /// Runs `body` with a new connection, which ends with it.
    func withConnection<Result: Sendable>(
        _ body: @Sendable @escaping (CoordinatorConnection) async throws -> Result
    ) async throws -> Result
}

/// Connects over mutual TLS. The certificate is read again for each connection, so a renewed one needs no restart.
public struct TLSConnector: CoordinatorConnector {
    private let coordinator: ClientConfiguration.Coordinator
    private let files: IdentityFiles
    private let logger: Logger

    /// Connects to a coordinator as the participant of a certificate.
    public init(coordinator: ClientConfiguration.Coordinator, files: IdentityFiles, logger: Logger) {
        self.coordinator = coordinator
        self.files = files
        self.logger = logger
    }

    /// Host and port.
    public var address: String { "\(coordinator.host):\(coordinator.port)" }

    /// Runs `body` with a new connection.
    public func withConnection<Result: Sendable>(
        _ body: @Sendable @escaping (CoordinatorConnection) async throws -> Result
    ) async throws -> Result {
        let serverName = coordinator.serverName ?? coordinator.host
        let material = try IdentityMaterial.load(files)
        let transport = try HTTP2ClientTransport.Posix(
            target: .dns(host: coordinator.host, port: coordinator.port),
            transportSecurity: MutualTLS.clientSecurity(material: material, serverName: serverName, logger: logger),
            config: TransportSettings.clientConfiguration(authority: serverName),
            serviceConfig: TransportSettings.serviceConfiguration()
        )
        return try await withGRPCClient(transport: transport) { client in
            try await body(.init(client: Tributary_V1_Federation.Client(wrapping: client), identity: material))
        }
    }
}
