import Foundation
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import Identity
import Logging
import SwiftProtobuf
import Testing
import Wire
import WireMessages
import X509

/// Who is let in by the shipped coordinator, with certificates of every wrong kind.
@Suite(.serialized)
struct MutualTLSTests {
    enum Odd: String, CaseIterable {
        case noCertificate = "no-certificate"
        case otherAuthority = "unknown-ca"
        case expired
        case notYetValid = "not-yet-valid"
        case serverUsage = "wrong-usage"
        case clientAsOperator = "wrong-role"
        case coordinatorAsClient = "wrong-usage or wrong-role"
        case revoked
    }

    @Test(
        "A wrong certificate is refused with its cause, no handler runs, and a good client works before and after",
        arguments: Odd.allCases)
    func refused(odd: Odd) async throws {
        try await Sandbox.with { sandbox in
            let coordinator = try await sandbox.startCoordinator()
            let port = await sandbox.port
            let good = IdentityFiles(folder: sandbox.path("identities/clients/site-2"))
            try await Self.openSession(good, port: port)
            _ = try await coordinator.line(containing: "session opened", "site-2")

            let count = coordinator.log.count
            await #expect(throws: (any Error).self) {
                switch odd {
                case .noCertificate:
                    try await Self.openSession(nil, port: port, authority: sandbox.path("identities/ca/ca.pem"))
                case .otherAuthority:
                    try await Self.openSession(OddIdentity.fromAnotherAuthority(sandbox), port: port)
                case .expired:
                    let files = try OddIdentity.make(sandbox) {
                        $0.notBefore = Date().addingTimeInterval(-7200)
                        $0.notAfter = Date().addingTimeInterval(-3600)
                    }
                    try await Self.openSession(files, port: port)
                case .notYetValid:
                    let files = try OddIdentity.make(sandbox) { $0.notBefore = Date().addingTimeInterval(3600) }
                    try await Self.openSession(files, port: port)
                case .serverUsage:
                    let files = try OddIdentity.make(sandbox) { $0.usages = [.serverAuth] }
                    try await Self.openSession(files, port: port)
                case .clientAsOperator:
                    try await Self.listJobs(
                        IdentityFiles(folder: sandbox.path("identities/clients/site-1")), port: port)
                case .coordinatorAsClient:
                    try await Self.openSession(
                        IdentityFiles(folder: sandbox.path("identities/coordinator")), port: port)
                case .revoked:
                    try await sandbox.tributary("revoke", "site-1", "--reason", "before it connects")
                    try await Self.openSession(
                        IdentityFiles(folder: sandbox.path("identities/clients/site-1")), port: port)
                }
            }
            let cause = odd == .coordinatorAsClient ? "wrong-" : odd.rawValue
            _ = try await coordinator.line(containing: "refused", cause, after: count)
            #expect(!coordinator.log.contains { $0.contains("session opened") && $0.contains("site-1") })

            let before = coordinator.log.count
            try await Self.openSession(good, port: port)
            _ = try await coordinator.line(containing: "session opened", "site-2", after: before)
            let audit = try await sandbox.tributary("audit", "verify", "--json").objects()
            #expect(audit.first?["intact"] as? Bool == true)
        }
    }

    @Test("A client that expects another server name stays away and says why")
    func wrongServerName() async throws {
        try await Sandbox.with { sandbox in
            try await sandbox.makeData()
            let coordinator = try await sandbox.startCoordinator()
            let client = try await sandbox.startClient(
                "site-1", environment: ["TRIBUTARY_CLIENT_COORDINATOR_SERVER_NAME": "elsewhere.example"])
            _ = try await client.line(containing: "wrong-server-name")
            #expect(!coordinator.log.contains { $0.contains("session opened") })
            let good = try await sandbox.startClient("site-2")
            _ = try await coordinator.line(containing: "session opened", "site-2")
            await good.stop()
        }
    }

    /// Opens a session, waits for the welcome, and leaves.
    static func openSession(_ files: IdentityFiles?, port: Int, authority: String? = nil) async throws {
        try await withClient(files, port: port, authority: authority) { client in
            try await Tributary_V1_Federation.Client(wrapping: client).connect(options: options) { writer in
                try await writer.write(
                    .with {
                        $0.hello = .with {
                            $0.protocolVersion = 1
                            $0.software = "test"
                        }
                    })
                try await Task.sleep(for: .seconds(240))
            } onResponse: { response in
                for try await message in response.messages {
                    if case .welcome = message.message { return }
                }
                throw RPCError(code: .unavailable, message: "the session ended without a welcome")
            }
        }
    }

    static func listJobs(_ files: IdentityFiles, port: Int) async throws {
        try await withClient(files, port: port, authority: nil) { client in
            _ = try await Tributary_V1_Operations.Client(wrapping: client).listJobs(.init(), options: options)
        }
    }

    static var options: CallOptions {
        var options = TransportSettings.callOptions()
        options.waitForReady = false
        return options
    }

    static func withClient(
        _ files: IdentityFiles?, port: Int, authority: String?,
        _ body: @Sendable (GRPCClient<HTTP2ClientTransport.Posix>) async throws -> Void
    ) async throws {
        let security: HTTP2ClientTransport.Posix.TransportSecurity
        if let files {
            security = try MutualTLS.clientSecurity(
                material: IdentityMaterial.load(files), serverName: "localhost", logger: Logger(label: "test"))
        } else {
            security = .tls {
                $0.trustRoots = .certificates([.file(path: authority ?? "", format: .pem)])
                $0.serverCertificateVerification = .noHostnameVerification
            }
        }
        let transport = try HTTP2ClientTransport.Posix(
            target: .ipv4(address: "127.0.0.1", port: port),
            transportSecurity: security,
            config: TransportSettings.clientConfiguration(authority: "localhost"),
            serviceConfig: TransportSettings.serviceConfiguration()
        )
        try await withGRPCClient(transport: transport) { try await body($0) }
    }
}
