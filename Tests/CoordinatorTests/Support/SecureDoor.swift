import Coordinator
import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identity
import TestSupport
import Wire
import WireMessages
import X509

/// The services of a ``TestServer`` on a loopback port behind mutual TLS, as `tributary-coordinator serve` puts them there.
struct SecureDoor: Sendable {
    private let authority: CertificateAuthority
    private let folder: TemporaryFolder
    private let port: Int

    /// Opens the door for as long as `body` runs.
    static func with<Value: Sendable>(
        _ server: TestServer, _ body: @escaping @Sendable (SecureDoor) async throws -> Value
    ) async throws -> Value {
        let authority = try CertificateAuthority(creating: "test")
        let folder = try TemporaryFolder()
        let material = try IdentityMaterial.load(files(.coordinator, "coordinator", authority, folder))
        let reporter = RefusalReporter(logger: Fixtures.silent)
        let connections = PeerConnections(reporter: reporter)
        var configuration = TransportSettings.serverConfiguration()
        connections.install(in: &configuration)
        let transport = HTTP2ServerTransport.Posix(
            address: .ipv4(host: "127.0.0.1", port: 0),
            transportSecurity: MutualTLS.serverSecurity(
                material: material, admission: server.coordinator.revocations, connections: connections),
            config: configuration)
        let listener = GRPCServer(
            transport: transport, services: server.coordinator.services,
            interceptors: [
                RoleInterceptor(
                    roles: Coordinator.roles, material: material, admission: server.coordinator.revocations,
                    reporter: reporter)
            ])
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try await listener.serve()
                return nil
            }
            group.addTask {
                defer { listener.beginGracefulShutdown() }
                guard let port = try await transport.listeningAddress.ipv4?.port else { throw CancellationError() }
                return try await body(SecureDoor(authority: authority, folder: folder, port: port))
            }
            var value: Value?
            do {
                while let result = try await group.next() {
                    if let result {
                        value = result
                        // Streams that a test left open must not hold the listener.
                        group.cancelAll()
                    }
                }
            } catch {
                guard value != nil else {
                    group.cancelAll()
                    throw error
                }
            }
            guard let value else { throw CancellationError() }
            return value
        }
    }

    /// Runs a body with a connection under a client's own certificate.
    func connected<Value: Sendable>(
        as client: String,
        _ body: @Sendable (Tributary_V1_Federation.Client<HTTP2ClientTransport.Posix>) async throws -> Value
    ) async throws -> Value {
        try await connected(with: IdentityMaterial.load(Self.files(.client, client, authority, folder)), body)
    }

    private func connected<Value: Sendable>(
        with material: IdentityMaterial,
        _ body: @Sendable (Tributary_V1_Federation.Client<HTTP2ClientTransport.Posix>) async throws -> Value
    ) async throws -> Value {
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port),
            transportSecurity: MutualTLS.clientSecurity(
                material: material, serverName: "localhost", logger: Fixtures.silent),
            config: TransportSettings.clientConfiguration(authority: "localhost"),
            serviceConfig: TransportSettings.serviceConfiguration())
        return try await withGRPCClient(transport: transport) { try await body(.init(wrapping: $0)) }
    }

    /// Runs sites of rounds with secure aggregation beside `body`, each on a connection under its own certificate.
    func withSites<Value: Sendable>(
        _ sites: [SecureSite], _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            for site in sites {
                group.addTask {
                    let material = try IdentityMaterial.load(Self.files(.client, site.name, authority, folder))
                    try await connected(with: material) { try await site.run($0, material) }
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    /// Runs sites beside `body`, each on a connection of its own; they end with it.
    func withSites<Value: Sendable>(
        _ sites: [ScriptedSite], _ body: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            for site in sites {
                group.addTask {
                    try await connected(as: site.name) { try await site.run($0) }
                    return nil
                }
            }
            group.addTask { try await body() }
            defer { group.cancelAll() }
            while let result = try await group.next() { if let result { return result } }
            throw CancellationError()
        }
    }

    /// A participant's key and certificate.
    static func files(
        _ role: Role, _ name: String, _ authority: CertificateAuthority, _ folder: TemporaryFolder,
        hosts: [String] = []
    ) throws -> IdentityFiles {
        let key = CertificateAuthority.makeKey()
        let certificate = try authority.issue(
            CertificateProfile(
                ParticipantIdentity(federation: "test", role: role, name: name),
                hosts: role == .coordinator ? ["localhost", "127.0.0.1"] : hosts,
                notBefore: Date().addingTimeInterval(-300), notAfter: Date().addingTimeInterval(40 * 86_400)),
            for: key.publicKey)
        let prefix = UUID().uuidString
        let files = IdentityFiles(
            ca: folder.file(prefix + "-ca.pem"), certificate: folder.file(prefix + ".pem"),
            key: folder.file(prefix + ".key"))
        try folder.write(Array(authority.certificatePEM().utf8), to: prefix + "-ca.pem")
        try folder.write(Array(PEM.text(certificate).utf8), to: prefix + ".pem")
        try folder.write(Array(PEM.text(key).utf8), to: prefix + ".key")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: files.key)
        return files
    }
}
