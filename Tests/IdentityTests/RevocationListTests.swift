import Foundation
import Identity
import Testing

@Suite("Revocation list")
struct RevocationListTests {
    let identity: ParticipantIdentity
    let start = Date(timeIntervalSince1970: 1_800_000_000)

    init() throws {
        identity = try ParticipantIdentity(federation: "demo", role: .client, name: "site-1")
    }

    private func isAdmitted(_ list: RevocationList, serial: String = "01", issued: Date) -> Bool {
        let notBefore = issued.addingTimeInterval(-CertificateAuthority.backdating)
        return list.refusalReason(identity: identity, serial: serial, notBefore: notBefore) == nil
    }

    // `#expect` does not take mutating calls.
    private func changed(_ result: Bool, _ location: SourceLocation = #_sourceLocation) {
        #expect(result, sourceLocation: location)
    }

    private func unchanged(_ result: Bool, _ location: SourceLocation = #_sourceLocation) {
        #expect(!result, sourceLocation: location)
    }

    @Test("denies from the revocation on, whatever the certificate")
    func revoked() throws {
        var list = RevocationList()
        #expect(isAdmitted(list, issued: start))
        changed(list.revoke(identity, at: start.addingTimeInterval(60), reason: "stolen"))
        #expect(list.isRevoked(identity))
        for offset in [0.0, 59, 60, 61, 100_000] {
            #expect(!isAdmitted(list, issued: start.addingTimeInterval(offset)))
        }
        let reason = list.refusalReason(identity: identity, serial: "01", notBefore: start)
        #expect(reason == "client site-1 was revoked on 2027-01-15T08:01:00Z (stolen)")
        let other = try ParticipantIdentity(federation: "demo", role: .operator, name: "site-1")
        #expect(list.refusalReason(identity: other, serial: "01", notBefore: start) == nil)
    }

    @Test("after reinstatement denies certificates that are as old as the revocation")
    func reinstated() {
        var list = RevocationList()
        list.revoke(identity, at: start, reason: "")
        changed(list.reinstate(identity, at: start.addingTimeInterval(600)))
        #expect(!list.isRevoked(identity))
        #expect(!isAdmitted(list, issued: start.addingTimeInterval(-1)))
        #expect(!isAdmitted(list, issued: start))
        #expect(isAdmitted(list, issued: start.addingTimeInterval(1)))
        #expect(isAdmitted(list, issued: start.addingTimeInterval(601)))
    }

    @Test("denies a certificate seen before the revocation even if its dates say otherwise")
    func seen() {
        var list = RevocationList()
        changed(list.note(serial: "aa", of: identity))
        unchanged(list.note(serial: "aa", of: identity))
        list.revoke(identity, at: start, reason: "")
        list.reinstate(identity, at: start)
        let issued = start.addingTimeInterval(3600)
        #expect(!isAdmitted(list, serial: "aa", issued: issued))
        #expect(isAdmitted(list, serial: "bb", issued: issued))
        // And for ever: a second revocation adds to the first.
        changed(list.note(serial: "bb", of: identity))
        list.revoke(identity, at: start.addingTimeInterval(7200), reason: "")
        list.reinstate(identity, at: start.addingTimeInterval(7200))
        let later = start.addingTimeInterval(10_000)
        #expect(!isAdmitted(list, serial: "aa", issued: later))
        #expect(!isAdmitted(list, serial: "bb", issued: later))
        #expect(isAdmitted(list, serial: "cc", issued: later))
    }

    @Test("changes nothing the second time")
    func idempotent() {
        var list = RevocationList()
        unchanged(list.reinstate(identity, at: start))
        changed(list.revoke(identity, at: start, reason: "first"))
        unchanged(list.revoke(identity, at: start.addingTimeInterval(60), reason: "second"))
        #expect(list.entries[identity]?.reason == "first")
        #expect(list.entries[identity]?.revokedAt == start)
        changed(list.reinstate(identity, at: start))
        unchanged(list.reinstate(identity, at: start))
        // A clock that went back does not let older certificates in.
        changed(list.revoke(identity, at: start.addingTimeInterval(-3600), reason: "third"))
        #expect(list.entries[identity]?.revokedAt == start)
    }

    @Test("remembers a bounded number of serials and survives storage")
    func storage() throws {
        var list = RevocationList()
        for number in 0..<100 { list.note(serial: "s\(number)", of: identity) }
        #expect(list.entries[identity]?.seenSerials.count == 64)
        #expect(list.entries[identity]?.seenSerials.last == "s99")
        list.revoke(identity, at: start, reason: "x")
        let data = try JSONEncoder().encode(list)
        #expect(try JSONDecoder().decode(RevocationList.self, from: data) == list)
    }
}
