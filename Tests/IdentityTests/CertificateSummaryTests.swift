import Foundation
import Identity
import Testing
import X509

@Suite("Certificate summary")
struct CertificateSummaryTests {
    let end = Date(timeIntervalSince1970: 1_800_000_000)

    @Test(
        "counts whole days",
        arguments: [(0.0, 0), (1, 0), (86_399, 0), (86_400, 1), (-1, -1), (-86_400, -1), (-86_401, -2)])
    func days(seconds: Double, days: Int) {
        #expect(CertificateSummary.daysLeft(until: end, at: end.addingTimeInterval(-seconds)) == days)
    }

    @Test(
        "warns below thirty days",
        arguments: [
            (30.0, nil), (29.9, "ends in 29 days"), (1.5, "ends in 1 day,"), (0.5, "ends in less than a day"),
            (-1, "ended on"),
            (400, "not valid before"),
        ] as [(Double, String?)])
    func warning(days: Double, text: String?) {
        let now = end.addingTimeInterval(-days * 86_400)
        let warning = CertificateSummary.warning(
            of: "site-1", notBefore: end.addingTimeInterval(-365 * 86_400), notAfter: end, at: now
        )
        #expect((warning == nil) == (text == nil))
        if let text { #expect(warning?.contains(text) == true) }
        if days < 30 { #expect(warning?.contains("--renew site-1") == true) }
    }

    @Test("tells what is in a certificate")
    func content() throws {
        let federation = try TestFederation()
        let summary = CertificateSummary(try federation.certificate(.coordinator, "c"))
        #expect(summary.identity == (try federation.identity(.coordinator, "c")))
        #expect(summary.usages == ["serverAuth"])
        #expect(summary.hosts == ["localhost", "127.0.0.1"])
        #expect(summary.daysLeft() == 40)
        #expect(summary.warning() == nil)
        #expect(summary.issuer.contains("Tributary CA"))
        let odd = CertificateSummary(try federation.certificate(.client, "c") { $0.uris = [] })
        #expect(odd.identity == nil)
    }
}
