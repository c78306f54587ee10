import Crypto
import Foundation
import Identity
import SwiftASN1
import TestSupport
import Testing
import X509

@Suite("Certificate authority")
struct CertificateAuthorityTests {
    let now = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("The root is a P-256 CA for ten years that allows none below it")
    func root() throws {
        let authority = try CertificateAuthority(creating: "demo", now: now)
        let root = authority.certificate
        #expect(try root.extensions.basicConstraints == .isCertificateAuthority(maxPathLength: 0))
        #expect(try root.extensions.keyUsage == KeyUsage(keyCertSign: true))
        #expect(root.notValidBefore == now.addingTimeInterval(-300))
        #expect(root.notValidAfter == now.addingTimeInterval(3650 * 86_400))
        #expect(root.signatureAlgorithm == .ecdsaWithSHA256)
        #expect(P256.Signing.PublicKey(root.publicKey) != nil)
        #expect(root.publicKey.isValidSignature(root.signature, for: root))
        #expect(root.issuer == root.subject)
        #expect(authority.federation == "demo")
        #expect(try root.extensions.subjectKeyIdentifier == SubjectKeyIdentifier(hash: root.publicKey))
    }

    @Test("A participant's certificate says who it is and what it may do", arguments: Role.allCases)
    func leaf(role: Role) async throws {
        let authority = try CertificateAuthority(creating: "demo", now: now)
        let identity = try ParticipantIdentity(federation: "demo", role: role, name: "site-1")
        let hosts = role == .coordinator ? ["Localhost.", "127.0.0.1", "::1"] : []
        let key = CertificateAuthority.makeKey()
        let leaf = try authority.issue(identity, for: key.publicKey, hosts: hosts, validDays: 90, now: now)
        #expect(try leaf.participantIdentity() == identity)
        #expect(leaf.publicKey == key.publicKey)
        #expect(leaf.notValidBefore == now.addingTimeInterval(-300))
        #expect(leaf.notValidAfter == now.addingTimeInterval(90 * 86_400))
        #expect(try leaf.extensions.basicConstraints == .notCertificateAuthority)
        #expect(try leaf.extensions.keyUsage == KeyUsage(digitalSignature: true))
        let usages = try #require(try leaf.extensions.extendedKeyUsage)
        #expect(Array(usages) == [role == .coordinator ? .serverAuth : .clientAuth])
        #expect(
            try leaf.extensions.authorityKeyIdentifier?.keyIdentifier
                == authority.certificate.extensions.subjectKeyIdentifier?.keyIdentifier
        )
        let names = try #require(try leaf.extensions.subjectAlternativeNames)
        let expected: [GeneralName] =
            [.uniformResourceIdentifier("tributary://demo/\(role)/site-1")]
            + (role == .coordinator
                ? [
                    .dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1])),
                    .ipAddress(ASN1OctetString(contentBytes: [UInt8](repeating: 0, count: 15)[...] + [1])),
                ] : [])
        #expect(Array(names) == expected)
        #expect(leaf.serialNumber.bytes.count >= 16)
        #expect(CertificateSummary(leaf).hosts == (role == .coordinator ? ["localhost", "127.0.0.1", "::1"] : []))
    }

    @Test("A certificate never outlives its CA")
    func capped() throws {
        let authority = try CertificateAuthority(creating: "demo", now: now)
        let identity = try ParticipantIdentity(federation: "demo", role: .client, name: "a")
        let late = now.addingTimeInterval(3600 * 86_400)
        let leaf = try authority.issue(
            identity, for: CertificateAuthority.makeKey().publicKey, validDays: 365, now: late)
        #expect(leaf.notValidAfter == authority.certificate.notValidAfter)
        #expect(throws: IdentityError.self) {
            try authority.issue(
                identity, for: CertificateAuthority.makeKey().publicKey, now: now.addingTimeInterval(3651 * 86_400)
            )
        }
    }

    @Test(
        "Requests that make no sense are refused",
        arguments: [
            ("other", Role.client, [String](), 365), ("demo", .client, ["localhost"], 365),
            ("demo", .coordinator, [], 365),
            ("demo", .client, [], 0), ("demo", .client, [], 3651), ("demo", .coordinator, ["a b"], 365),
            ("demo", .coordinator, [""], 365), ("demo", .coordinator, ["*.example"], 365),
            ("demo", .coordinator, ["-a.example"], 365), ("demo", .coordinator, ["a..b"], 365),
        ])
    func refused(federation: String, role: Role, hosts: [String], days: Int) throws {
        let authority = try CertificateAuthority(creating: "demo")
        let identity = try ParticipantIdentity(federation: federation, role: role, name: "a")
        #expect(throws: IdentityError.self) {
            try authority.issue(
                identity, for: CertificateAuthority.makeKey().publicKey, hosts: hosts, validDays: days
            )
        }
    }

    @Test("PEM goes there and back, and a foreign key is refused")
    func pem() throws {
        let authority = try CertificateAuthority(creating: "demo")
        let certificate = try PEM.certificate(authority.certificatePEM(), source: "ca.pem")
        let key = try PEM.key(authority.keyPEM(), source: "ca.key")
        #expect(try CertificateAuthority(certificate: certificate, key: key).certificate == authority.certificate)
        #expect(throws: IdentityError.self) {
            try CertificateAuthority(certificate: certificate, key: CertificateAuthority.makeKey())
        }
        let leafKey = CertificateAuthority.makeKey()
        let leaf = try authority.issue(
            ParticipantIdentity(federation: "demo", role: .client, name: "a"), for: leafKey.publicKey
        )
        #expect(throws: IdentityError.self) { try CertificateAuthority(certificate: leaf, key: leafKey) }
    }

    @Test("OpenSSL agrees", .enabled(if: FileManager.default.isExecutableFile(atPath: OpenSSL.path)))
    func openSSL() async throws {
        let federation = try TestFederation()
        for (role, purpose) in [(Role.coordinator, "sslserver"), (.client, "sslclient"), (.operator, "sslclient")] {
            let material = try federation.material(role, "somebody")
            let text = try await OpenSSL.run([
                "verify", "-x509_strict", "-purpose", purpose, "-CAfile", material.files.ca, material.files.certificate,
            ])
            #expect(text.hasSuffix(": OK\n"), "\(text)")
        }
    }
}
