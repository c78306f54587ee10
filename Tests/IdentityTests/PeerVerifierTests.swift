import Foundation
import Identity
import Testing
import X509

@Suite("Peer verifier")
struct PeerVerifierTests {
    let federation: TestFederation
    let verifier: PeerVerifier
    let server: PeerVerifier

    init() throws {
        federation = try TestFederation()
        verifier = PeerVerifier(authority: federation.authority.certificate, federation: "demo", admission: AdmitAll())
        server = try PeerVerifier(coordinatorOf: federation.material(.client, "me"), serverName: "localhost")
    }

    private func code(_ result: Result<PeerIdentity, PeerRefusal>) -> PeerRefusal.Code? {
        if case .failure(let refusal) = result { refusal.code } else { nil }
    }

    @Test("admits clients and operators", arguments: [Role.client, .operator])
    func good(role: Role) async throws {
        let certificate = try federation.certificate(role, "a")
        let peer = try await verifier.verify(certificate).get()
        #expect(peer.identity == (try federation.identity(role, "a")))
        #expect(peer.serial == certificate.serialText)
        #expect(peer.daysLeft() == 40)
        #expect(code(await server.verify(certificate)) == .wrongRole)
    }

    @Test("reports the first cause in a fixed order")
    func order() async throws {
        let other = try CertificateAuthority(creating: "demo")
        // Wrong in every way: the signature comes first.
        let all = try federation.certificate(.coordinator, "a", signedBy: other) {
            $0.notAfter = Date().addingTimeInterval(-1)
            $0.uris = ["tributary://elsewhere/coordinator/a"]
        }
        #expect(code(await verifier.verify(all)) == .unknownCA)
        let expired = try federation.certificate(.coordinator, "a") {
            $0.notAfter = Date().addingTimeInterval(-1)
            $0.uris = ["tributary://elsewhere/coordinator/a"]
        }
        #expect(code(await verifier.verify(expired)) == .expired)
        let elsewhere = try federation.certificate(.coordinator, "a") {
            $0.uris = ["tributary://elsewhere/coordinator/a"]
        }
        #expect(code(await verifier.verify(elsewhere)) == .wrongFederation)
        let role = try federation.certificate(.coordinator, "a")
        #expect(code(await verifier.verify(role)) == .wrongRole)
        let usage = try federation.certificate(.client, "a") { $0.usages = [.serverAuth] }
        #expect(code(await verifier.verify(usage)) == .wrongUsage)
        let any = try federation.certificate(.client, "a") { $0.usages = [.any] }
        #expect(code(await verifier.verify(any)) == .wrongUsage)
        let name = try federation.certificate(.coordinator, "a", hosts: ["elsewhere"])
        #expect(code(await server.verify(name)) == .wrongServerName)
    }

    @Test("names what it found in its sentence")
    func sentences() async throws {
        let name = try federation.certificate(.coordinator, "a", hosts: ["elsewhere", "10.0.0.1"])
        guard case .failure(let refusal) = await server.verify(name) else {
            Issue.record("admitted")
            return
        }
        #expect(refusal.message == "the certificate is for elsewhere, 10.0.0.1, the configuration says localhost")
        #expect(refusal.identity?.name == "a")
        #expect(refusal.serial == name.serialText)
    }

    @Test("looks at the clock at each assessment")
    func clock() throws {
        let certificate = try federation.certificate(.client, "a")
        #expect(code(verifier.assess(certificate)) == nil)
        #expect(code(verifier.assess(certificate, at: certificate.notValidAfter.addingTimeInterval(1))) == .expired)
        #expect(code(verifier.assess(certificate, at: certificate.notValidAfter)) == nil)
        #expect(
            code(verifier.assess(certificate, at: certificate.notValidBefore.addingTimeInterval(-1))) == .notYetValid)
        // A CA that ended takes its certificates along.
        let late = federation.authority.certificate.notValidAfter.addingTimeInterval(1)
        let long = try federation.certificate(.client, "a") { $0.notAfter = late.addingTimeInterval(60) }
        #expect(code(verifier.assess(long, at: late)) == .expired)
    }

    @Test("asks the admission last, and at each assessment")
    func revoked() async throws {
        let admission = ListAdmission()
        let verifier = PeerVerifier(
            authority: federation.authority.certificate, federation: "demo", admission: admission
        )
        let certificate = try federation.certificate(.client, "a")
        #expect(code(await verifier.verify(certificate)) == nil)
        let identity = try federation.identity(.client, "a")
        _ = admission.change { $0.revoke(identity, at: Date(), reason: "left") }
        #expect(code(await verifier.verify(certificate)) == .revoked)
        #expect(code(verifier.assess(certificate)) == .revoked)
    }

    @Test("refuses the CA's own certificate")
    func root() async {
        #expect(code(await verifier.verify(federation.authority.certificate)) == .malformed)
    }
}
