import Foundation
import GRPCCore
import Identity
import Synchronization
import Testing

/// The interceptor alone, with the peer given by the transport.
@Suite("Role interceptor")
struct RoleInterceptorTests {
    let federation: TestFederation
    let admission = ListAdmission()
    let log = CapturedLog()

    init() throws { federation = try TestFederation() }

    private struct Unknown: ServerContext.TransportSpecific {}

    /// Whether the handler ran, and the error if not.
    private func call(
        _ peer: (any ServerContext.TransportSpecific)?, service: String = PingService.federation
    ) async throws -> (ran: Bool, error: RPCError?) {
        let interceptor = RoleInterceptor(
            roles: PingService.roles,
            verifier: PeerVerifier(
                authority: federation.authority.certificate, federation: "demo", admission: admission),
            admission: admission,
            reporter: RefusalReporter(logger: log.logger)
        )
        return await withServerContextRPCCancellationHandle { cancellation in
            var context = ServerContext(
                descriptor: PingService.method(service), remotePeer: "ipv4:10.0.0.1:5", localPeer: "in-process:1",
                cancellation: cancellation
            )
            context.transportSpecific = peer
            let ran = Mutex(false)
            do {
                let request = StreamingServerRequest<String>(
                    metadata: [:],
                    messages: RPCAsyncSequence(wrapping: AsyncThrowingStream<String, any Error> { $0.finish() })
                )
                let _: StreamingServerResponse<String> = try await interceptor.intercept(
                    request: request, context: context
                ) {
                    _, _ in
                    ran.withLock { $0 = true }
                    return StreamingServerResponse { _ in [:] }
                }
                return (ran.withLock { $0 }, nil)
            } catch {
                return (ran.withLock { $0 }, error as? RPCError)
            }
        }
    }

    private func peer(_ role: Role) throws -> PeerIdentity {
        PeerIdentity(
            identity: try federation.identity(role, "a"), serial: "01", notBefore: Date(), notAfter: Date() + 86_400
        )
    }

    @Test(
        "lets the right role through",
        arguments: [
            (Role.client, PingService.federation, true), (.operator, PingService.operations, true),
            (.client, PingService.operations, false), (.operator, PingService.federation, false),
            (.coordinator, PingService.federation, false), (.client, "elsewhere.Service", false),
        ])
    func roles(role: Role, service: String, isAllowed: Bool) async throws {
        let result = try await call(peer(role), service: service)
        #expect(result.ran == isAllowed)
        #expect(result.error?.code == (isAllowed ? nil : .permissionDenied))
        #expect(log.lines.first?.metadata["cause"] == (isAllowed ? nil : "wrong-role"))
        #expect(log.lines.first?.metadata["peer"] == (isAllowed ? nil : "10.0.0.1:5"))
    }

    @Test("asks for a revocation at each call")
    func revoked() async throws {
        let peer = try peer(.client)
        #expect(try await call(peer).ran)
        _ = admission.change { $0.revoke(peer.identity, at: Date(), reason: "left") }
        let result = try await call(peer)
        #expect(!result.ran)
        #expect(result.error?.message.hasPrefix("revoked: client a was revoked on") == true)
    }

    @Test("lets nobody through whom the transport does not name")
    func nobody() async throws {
        for peer in [nil, Unknown()] as [(any ServerContext.TransportSpecific)?] {
            let result = try await call(peer)
            #expect(!result.ran)
            #expect(result.error?.code == .permissionDenied)
        }
        #expect(log.lines.map { $0.metadata["cause"] } == ["no-certificate", "no-certificate"])
    }
}
