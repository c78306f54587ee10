import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identity
import Synchronization

/// Text as bytes.
struct Text: MessageSerializer, MessageDeserializer {
    func serialize<Bytes: GRPCContiguousBytes>(_ message: String) throws -> Bytes { Bytes(message.utf8) }
    func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> String {
        bytes.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
}

/// Two services that answer with the caller's identity and count who reached a handler.
struct PingService: RegistrableRPCService {
    static let federation = "tributary.v1.Federation"
    static let operations = "tributary.v1.Operations"
    static let unlisted = "tributary.v1.Unlisted"
    static let roles: [String: Set<Role>] = [federation: [.client], operations: [.operator]]

    final class Calls: Sendable {
        private let peers = Mutex<[String]>([])
        var all: [String] { peers.withLock { $0 } }
        func add(_ peer: String) { peers.withLock { $0.append(peer) } }

        private let contexts = Mutex<[ServerContext]>([])
        /// The contexts of the sessions, in their order.
        var sessions: [ServerContext] { contexts.withLock { $0 } }
        func began(_ session: ServerContext) { contexts.withLock { $0.append(session) } }
    }

    let calls = Calls()

    static func method(_ service: String, _ name: String = "Ping") -> MethodDescriptor {
        MethodDescriptor(fullyQualifiedService: service, method: name)
    }

    func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
        for service in [Self.federation, Self.operations, Self.unlisted] {
            router.registerHandler(
                forMethod: Self.method(service), deserializer: Text(), serializer: Text()
            ) { [calls] _, context in
                let peer = context.peer?.identity.uri ?? "nobody"
                calls.add(peer)
                return StreamingServerResponse { writer in
                    try await writer.write(peer)
                    return [:]
                }
            }
        }
        // A session: answers once, then waits for the peer to go.
        router.registerHandler(
            forMethod: Self.method(Self.federation, "Session"), deserializer: Text(), serializer: Text()
        ) { [calls] request, context in
            calls.began(context)
            return StreamingServerResponse { writer in
                try await writer.write("welcome")
                for try await _ in request.messages {}
                return [:]
            }
        }
    }
}

/// A coordinator of nothing but ``PingService``, on a port of its own.
struct PingServer: Sendable {
    let port: Int
    let calls: PingService.Calls
    let log: CapturedLog
    let connections: PeerConnections
    /// Each refusal, after it was logged.
    let refusals: AsyncStream<PeerRefusal>

    static func with(
        _ federation: TestFederation,
        material: IdentityMaterial? = nil,
        admission: any PeerAdmission = AdmitAll(),
        audit: AuditLog? = nil,
        body: @Sendable (PingServer) async throws -> Void
    ) async throws {
        let material = try material ?? federation.material(.coordinator, "coordinator")
        let log = CapturedLog()
        let (refusals, continuation) = AsyncStream.makeStream(of: PeerRefusal.self)
        let reporter = RefusalReporter(logger: log.logger, audit: audit) { continuation.yield($0) }
        let connections = PeerConnections(reporter: reporter)
        var config = HTTP2ServerTransport.Posix.Config.defaults
        connections.install(in: &config)
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: MutualTLS.serverSecurity(
                material: material, admission: admission, connections: connections
            ),
            config: config
        )
        let service = PingService()
        let interceptor = RoleInterceptor(
            roles: PingService.roles, material: material, admission: admission, reporter: reporter
        )
        try await withGRPCServer(transport: transport, services: [service], interceptors: [interceptor]) { _ in
            let port = try await transport.listeningAddress.ipv4?.port
            let server = PingServer(
                port: port ?? 0, calls: service.calls, log: log, connections: connections, refusals: refusals
            )
            try await body(server)
        }
        reporter.drain()
    }

    /// The next refusal with its log line.
    func nextRefusal() async -> PeerRefusal? {
        for await refusal in refusals { return refusal }
        return nil
    }

    /// One call as `material`, or without a certificate; returns whom the server saw.
    func ping(
        as material: IdentityMaterial?,
        service: String = PingService.federation,
        serverName: String = "localhost",
        log: CapturedLog = CapturedLog()
    ) async throws -> String {
        try await client(as: material, serverName: serverName, log: log) { client in
            try await client.unary(
                request: ClientRequest(message: "hello"), descriptor: PingService.method(service), serializer: Text(),
                deserializer: Text(), options: Self.options
            ) { try $0.message }
        }
    }

    /// Opens a session, hands over once it is welcomed, and returns when it ends.
    func session(as material: IdentityMaterial, whileOpen: @escaping @Sendable () async throws -> Void) async throws {
        try await client(as: material, serverName: "localhost", log: CapturedLog()) { client in
            try await client.bidirectionalStreaming(
                request: StreamingClientRequest { writer in
                    try await writer.write("hello")
                    // Stays open until the call ends.
                    try await Task.sleep(for: .seconds(600))
                },
                descriptor: PingService.method(PingService.federation, "Session"), serializer: Text(),
                deserializer: Text(), options: Self.options
            ) { response in
                for try await message in response.messages where message == "welcome" { try await whileOpen() }
            }
        }
    }

    private func client<Result: Sendable>(
        as material: IdentityMaterial?,
        serverName: String,
        log: CapturedLog,
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Result
    ) async throws -> Result {
        let security: HTTP2ClientTransport.Posix.TransportSecurity
        if let material {
            security = try MutualTLS.clientSecurity(material: material, serverName: serverName, logger: log.logger)
        } else {
            security = .tls { $0.serverCertificateVerification = .noVerification }
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port), transportSecurity: security,
            config: .defaults {
                // A connection that was refused is not tried again before the client has ended.
                $0.backoff = .init(
                    initial: .seconds(600), max: .seconds(600), multiplier: 1, jitter: 0)
            }
        )
        return try await withGRPCClient(transport: transport) { try await body($0) }
    }

    private static var options: CallOptions {
        var options = CallOptions.defaults
        options.timeout = .seconds(240)
        options.waitForReady = false
        return options
    }
}
