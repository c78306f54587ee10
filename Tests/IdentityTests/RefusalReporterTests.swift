import Identity
import Logging
import TestSupport
import Testing

@Suite("Refusal reporter")
struct RefusalReporterTests {
    @Test("logs every refusal and audits a bounded number a minute")
    func budget() throws {
        let folder = try TemporaryFolder()
        let audit = try AuditLog(path: folder.file("audit.log"))
        let log = CapturedLog()
        let reporter = RefusalReporter(logger: log.logger, audit: audit)
        let identity = try ParticipantIdentity(federation: "demo", role: .client, name: "a")
        for _ in 0..<200 {
            reporter.report(PeerRefusal(.expired, "it ended", identity: identity, serial: "01", address: "10.0.0.1:5"))
        }
        reporter.drain()
        #expect(audit.head.sequence == RefusalReporter.auditedPerMinute)
        #expect(log.lines.count == 200)
        #expect(log.lines.first?.level == .warning)
        #expect(
            log.lines.first?.metadata == [
                "cause": "expired", "reason": "it ended", "identity": identity.uri, "serial": "01",
                "peer": "10.0.0.1:5",
            ]
        )
        var lines: [String] = []
        try audit.forEachLine { lines.append($0) }
        #expect(
            lines.first?.contains(
                "\"cause\":\"expired\",\"peer\":\"10.0.0.1:5\",\"reason\":\"it ended\",\"serial\":\"01\"") == true)
    }

    @Test("broken connections are no audit records")
    func handshakes() throws {
        let folder = try TemporaryFolder()
        let audit = try AuditLog(path: folder.file("audit.log"))
        let log = CapturedLog()
        let reporter = RefusalReporter(logger: log.logger, audit: audit)
        reporter.report(PeerRefusal(.handshakeFailed, "closed"))
        reporter.drain()
        #expect(audit.head.sequence == 0)
        #expect(log.lines.map(\.level) == [.info])
    }
}
