import Durability
import Foundation
import GRPCCore
import Identity
import Logging
import TestSupport
import Testing
import X509

/// Who is let in over TLS on loopback, with certificates of every wrong kind.
@Suite("Mutual TLS", .timeLimit(.minutes(10)))
struct MutualTLSTests {
    enum Intruder: String, CaseIterable {
        case noCertificate = "no-certificate"
        case otherAuthority = "unknown-ca"
        case sameNameAuthority = "unknown-ca with the CA's name"
        case expired = "expired"
        case notYetValid = "not-yet-valid"
        case revoked = "revoked"
        case serverUsage = "wrong-usage"
        case noUsage = "wrong-usage without any"
        case coordinator = "wrong-role"
        case otherFederation = "wrong-federation"
        case noURI = "malformed without a URI"
        case twoURIs = "malformed with two URIs"

        var cause: String { rawValue.split(separator: " ").first.map(String.init) ?? "" }
    }

    private func material(of intruder: Intruder, _ federation: TestFederation) throws -> IdentityMaterial? {
        let name = "intruder"
        switch intruder {
        case .noCertificate: return nil
        case .otherAuthority:
            return try federation.material(.client, name, signedBy: CertificateAuthority(creating: "elsewhere"))
        case .sameNameAuthority:
            return try federation.material(.client, name, signedBy: CertificateAuthority(creating: TestFederation.name))
        case .expired:
            return try federation.material(.client, name) { $0.notAfter = Date().addingTimeInterval(-60) }
        case .notYetValid:
            return try federation.material(.client, name) { $0.notBefore = Date().addingTimeInterval(3600) }
        case .revoked: return try federation.material(.client, name)
        case .serverUsage: return try federation.material(.client, name) { $0.usages = [.serverAuth] }
        case .noUsage: return try federation.material(.client, name) { $0.usages = [] }
        case .coordinator: return try federation.material(.coordinator, name)
        case .otherFederation, .noURI, .twoURIs: return try odd(intruder, federation)
        }
    }

    /// Material that could not be loaded from files, or would not go to this coordinator.
    private func odd(_ intruder: Intruder, _ federation: TestFederation) throws -> IdentityMaterial {
        var material = try federation.material(.client, "intruder")
        let key = try PEM.key(
            String(decoding: FileManager.default.contents(atPath: material.files.key) ?? Data(), as: UTF8.self),
            source: "key")
        let certificate = try federation.certificate(.client, "intruder", key: key) { profile in
            switch intruder {
            case .otherFederation: profile.uris = ["tributary://elsewhere/client/intruder"]
            case .twoURIs: profile.uris.append("tributary://demo/client/site-1")
            default: profile.uris = []
            }
        }
        try material.present(certificate)
        return material
    }

    @Test(
        "is refused with its cause, reaches no handler, and a good client works before and after",
        arguments: Intruder.allCases)
    func refused(_ intruder: Intruder) async throws {
        let federation = try TestFederation()
        let good = try federation.material(.client, "site-1")
        let bad = try material(of: intruder, federation)
        let admission = ListAdmission()
        if intruder == .revoked {
            let identity = try federation.identity(.client, "intruder")
            _ = admission.change { $0.revoke(identity, at: Date(), reason: "left") }
        }
        try await PingServer.with(federation, admission: admission) { server in
            let answer1 = try await server.ping(as: good)
            #expect(answer1 == "tributary://demo/client/site-1")
            let error = await #expect(throws: RPCError.self) { try await server.ping(as: bad) }
            #expect(error?.code == .unavailable)
            let refusal = await server.nextRefusal()
            #expect(refusal?.code.rawValue == intruder.cause)
            #expect(refusal?.address?.hasPrefix("127.0.0.1:") == true)

            let lines = server.log.lines.filter { $0.message == "peer refused" }
            #expect(lines.count == 1)
            #expect(lines.first?.metadata["cause"] == intruder.cause)
            #expect(lines.first?.metadata["peer"]?.hasPrefix("127.0.0.1:") == true)
            #expect(lines.first?.level == .warning)
            #expect(server.calls.all == ["tributary://demo/client/site-1"])

            let answer2 = try await server.ping(as: good)
            #expect(answer2 == "tributary://demo/client/site-1")
            #expect(server.calls.all.count == 2)
        }
    }

    @Test(
        "A role that a service is not for is refused before its handler",
        arguments: [
            (Role.client, PingService.operations, "operator"), (.operator, PingService.federation, "client"),
            (.client, PingService.unlisted, "nobody"),
        ])
    func wrongRole(role: Role, service: String, expected: String) async throws {
        let federation = try TestFederation()
        let material = try federation.material(role, "somebody")
        try await PingServer.with(federation) { server in
            let error = await #expect(throws: RPCError.self) {
                try await server.ping(as: material, service: service)
            }
            #expect(error?.code == .permissionDenied)
            #expect(error?.message.contains("is for \(expected)") == true)
            let refusal = await server.nextRefusal()
            #expect(refusal?.code == .wrongRole)
            #expect(refusal?.address?.hasPrefix("127.0.0.1:") == true)
            #expect(
                server.log.lines.filter { $0.message == "peer refused" }.map { $0.metadata["cause"] } == ["wrong-role"])
            #expect(server.calls.all.isEmpty)
            let right = role == .client ? PingService.federation : PingService.operations
            let answer3 = try await server.ping(as: material, service: right)
            #expect(answer3.hasSuffix("/somebody"))
        }
    }

    enum Impostor: String, CaseIterable {
        case otherName = "wrong-server-name"
        case client = "wrong-role"
        case otherAuthority = "unknown-ca"
        case expired = "expired"
        case clientUsage = "wrong-usage"
    }

    @Test("A server that is not the coordinator is refused by the client with its cause", arguments: Impostor.allCases)
    func impostor(_ impostor: Impostor) async throws {
        let federation = try TestFederation()
        let good = try federation.material(.client, "site-1")
        let material: IdentityMaterial =
            switch impostor {
            case .otherName: try federation.material(.coordinator, "coordinator", hosts: ["elsewhere.example"])
            case .client: try federation.material(.client, "site-2") { $0.usages = [.serverAuth] }
            case .otherAuthority:
                try federation.material(
                    .coordinator, "coordinator", signedBy: CertificateAuthority(creating: TestFederation.name)
                )
            case .expired:
                try federation.material(.coordinator, "coordinator") { $0.notAfter = Date().addingTimeInterval(-60) }
            case .clientUsage:
                try federation.material(.coordinator, "coordinator") { $0.usages = [.clientAuth] }
            }
        try await PingServer.with(federation, material: material) { server in
            let log = CapturedLog()
            await #expect(throws: RPCError.self) { try await server.ping(as: good, log: log) }
            let lines = log.lines.filter { $0.message == "peer refused" }
            #expect(lines.first?.metadata["cause"] == impostor.rawValue)
            #expect(lines.first?.metadata["peer"] == "localhost")
            #expect(server.calls.all.isEmpty)
        }
    }

    @Test("The server's name may be any in the certificate", arguments: ["localhost", "LOCALHOST", "127.0.0.1"])
    func serverNames(name: String) async throws {
        let federation = try TestFederation()
        let good = try federation.material(.client, "site-1")
        try await PingServer.with(federation) { server in
            let answer4 = try await server.ping(as: good, serverName: name)
            #expect(answer4.hasSuffix("site-1"))
        }
    }

    @Test("A revocation holds for open connections and closes sessions")
    func revokedInSession() async throws {
        let federation = try TestFederation()
        let material = try federation.material(.client, "site-1")
        let identity = try federation.identity(.client, "site-1")
        let admission = ListAdmission()
        let folder = try TemporaryFolder()
        let audit = try AuditLog(path: folder.file("audit.log"))
        try await PingServer.with(federation, admission: admission, audit: audit) { server in
            await #expect(throws: (any Error).self) {
                try await server.session(as: material) {
                    #expect(server.connections.count(of: identity) == 1)
                    let context = try #require(server.calls.sessions.last)
                    #expect(server.connections.eventLoop(of: context) != nil)
                    _ = admission.change { $0.revoke(identity, at: Date(), reason: "left") }
                    #expect(server.connections.close(identity) == 1)
                }
            }
            await #expect(throws: RPCError.self) { try await server.ping(as: material) }
            // The transport may have tried to come back in between, and given up.
            while await server.nextRefusal()?.code != .revoked {}
        }
        var lines: [String] = []
        try audit.forEachLine { lines.append($0) }
        #expect(lines.contains { $0.contains("\"peer.refused\"") && $0.contains("revoked") && $0.contains("site-1") })
        #expect(AuditLog.verify(lines: lines).isIntact)
    }

    @Test(
        "A resumed TLS session, in which no certificate is shown, is not enough",
        .enabled(if: FileManager.default.isExecutableFile(atPath: OpenSSL.path)), arguments: ["-tls1_2", "-tls1_3"]
    )
    func resumed(version: String) async throws {
        let federation = try TestFederation()
        let files = try federation.material(.client, "site-1").files
        let session = federation.folder.file("session.pem")
        try await PingServer.with(federation) { server in
            let arguments = [
                "s_client", "-connect", "127.0.0.1:\(server.port)", version, "-alpn", "h2", "-CAfile", files.ca,
            ]
            let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
            let identity = ["-cert", files.certificate, "-key", files.key]
            let first = try await OpenSSL.run(
                arguments + identity + ["-sess_out", session], input: preface, until: "Resumption PSK|Master-Key"
            )
            #expect(first.contains("New,"))
            let second = try await OpenSSL.run(arguments + ["-sess_in", session], input: preface, until: nil)
            #expect(second.contains("Reused,"))
            let refusal = await server.nextRefusal()
            #expect(refusal?.code == .noCertificate)
            #expect(refusal?.message.contains("resumed") == true)
            #expect(server.calls.all.isEmpty)
        }
    }

    @Test("What is not TLS is noted and does no harm")
    func notTLS() async throws {
        let federation = try TestFederation()
        let good = try federation.material(.client, "site-1")
        try await PingServer.with(federation) { server in
            let connection = try FileHandle.connected(port: server.port)
            try connection.write(contentsOf: Data("GET / HTTP/1.1\r\n\r\n".utf8))
            let refusal = await server.nextRefusal()
            #expect(refusal?.code == .handshakeFailed)
            #expect(refusal?.message.contains("plain HTTP") == true)
            try connection.close()
            let answer5 = try await server.ping(as: good)
            #expect(answer5.hasSuffix("site-1"))
        }
    }
}
