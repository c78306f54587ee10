import Foundation
import Identity
import TestSupport
import Testing
import X509

@Suite("Identity material")
struct IdentityMaterialTests {
    let federation: TestFederation
    init() throws { federation = try TestFederation() }

    @Test("loads and finds nothing wrong", arguments: Role.allCases)
    func good(role: Role) throws {
        let material = try federation.material(role, "a")
        #expect(material.identity == (try federation.identity(role, "a")))
        #expect(material.daysLeft == 40)
        #expect(material.expiryWarning() == nil)
        #expect(material.problems(as: role, federation: "demo").isEmpty)
    }

    @Test("tells every problem with what to do")
    func problems() throws {
        let material = try federation.material(.client, "a", signedBy: CertificateAuthority(creating: "demo")) {
            $0.notAfter = Date().addingTimeInterval(86_400 * 2.5)
        }
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: material.files.key)
        let problems = material.problems(as: .coordinator, federation: "other")
        let expected = [
            "is not signed by", "federation \"demo\", not \"other\"", "that of a client", "serverAuth", "2 days",
            "chmod 600",
        ]
        #expect(problems.count == expected.count)
        for (problem, part) in zip(problems, expected) { #expect(problem.contains(part)) }
    }

    @Test("names the file that is missing, unreadable or foreign")
    func errors() throws {
        let good = try federation.material(.client, "a").files
        func code(_ change: (inout IdentityFiles) throws -> Void) throws -> (IdentityError.Code, String)? {
            var files = good
            try change(&files)
            do {
                _ = try IdentityMaterial.load(files)
                return nil
            } catch let error as IdentityError {
                return (error.code, error.message)
            }
        }
        let missing = try code { $0.key = federation.folder.file("nothing.key") }
        #expect(missing?.0 == .missingFile)
        #expect(missing?.1.contains("nothing.key") == true)
        #expect(try code { $0.certificate = $0.key }?.0 == .unreadable)
        #expect(try code { $0.key = $0.certificate }?.0 == .unreadable)
        #expect(
            try code { $0.ca = try federation.folder.write(Array("nonsense".utf8), to: "ca.txt") }?.0 == .unreadable)
        #expect(
            try code { $0.ca = try federation.folder.write(.init(repeating: 0x41, count: 2 << 20), to: "big") }?.0
                == .unreadable)
        let other = try federation.material(.client, "b").files
        let foreign = try code { $0.key = other.key }
        #expect(foreign?.0 == .mismatch)
        #expect(foreign?.1.contains(other.key) == true)
        #expect(try code { $0.certificate = good.ca }?.0 == .mismatch)
    }

    @Test("paths are looked up from a folder")
    func paths() {
        let files = IdentityFiles(ca: "ca.pem", certificate: "../c.pem", key: "/k.pem").resolved(from: "a/b")
        #expect(files == IdentityFiles(ca: "a/b/ca.pem", certificate: "a/b/../c.pem", key: "/k.pem"))
    }
}
