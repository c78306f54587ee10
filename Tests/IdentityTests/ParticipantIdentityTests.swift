import Foundation
import Identity
import Testing

@Suite("Participant identity")
struct ParticipantIdentityTests {
    @Test(
        "reads and writes the URI",
        arguments: [
            "tributary://demo/client/site-1", "tributary://a.b-c/coordinator/0", "tributary://demo/operator/alice",
        ])
    func roundTrip(uri: String) throws {
        let identity = try ParticipantIdentity(uri: uri)
        #expect(identity.uri == uri)
        let data = try JSONEncoder().encode([identity])
        #expect(try JSONDecoder().decode([ParticipantIdentity].self, from: data) == [identity])
    }

    @Test(
        "refuses every other form",
        arguments: [
            "", "tributary://", "tributary://demo/client", "tributary://demo/client/", "tributary://demo/client/a/b",
            "tributary://demo/admin/a", "tributary://demo/Client/a", "tributary://demo/client/A",
            "http://demo/client/a",
            "TRIBUTARY://demo/client/a", "tributary:///client/a", "tributary://demo/client/a ",
            "tributary://demo/client/-a",
            "tributary://demo/client/a%2e", "tributary://demo/client/..", "tributary://demo/client/é",
            "tributary://demo/client/" + String(repeating: "a", count: 64),
            "tributary://" + String(repeating: "a/", count: 10_000),
        ])
    func refused(uri: String) {
        #expect(throws: IdentityError.self) { try ParticipantIdentity(uri: uri) }
    }

    @Test(
        "names of 1 to 63 plain characters are allowed",
        arguments: [
            ("a", true), ("0", true), ("site-1.example", true), (String(repeating: "a", count: 63), true),
            ("", false), (String(repeating: "a", count: 64), false), (".a", false), ("a/b", false), ("a_b", false),
            ("a\n", false),
        ])
    func names(name: String, isValid: Bool) {
        #expect(ParticipantIdentity.isValidName(name) == isValid)
    }
}
