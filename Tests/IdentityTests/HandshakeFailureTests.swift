import GRPCCore
import Identity
import Testing

@Suite("Handshake failure")
struct HandshakeFailureTests {
    private struct Alert: Error, CustomStringConvertible {
        var description: String
    }

    @Test(
        "is explained from the alert, however deep it lies",
        arguments: [
            (
                "Error: 268436502 error:10000416:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_UNKNOWN",
                "refused this certificate"
            ),
            ("error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED", "asks for a certificate"),
            ("error:10000415:SSL routines:OPENSSL_internal:SSLV3_ALERT_CERTIFICATE_EXPIRED", "expired"),
            ("error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", "does not speak TLS"),
        ])
    func explained(alert: String, part: String) {
        let inner = RPCError(code: .unavailable, message: "closed", cause: Alert(description: alert))
        let error = RPCError(code: .unavailable, message: "gone", cause: inner)
        #expect(HandshakeFailure.explanation(of: error)?.contains(part) == true)
    }

    @Test("is not seen in other errors")
    func others() {
        #expect(HandshakeFailure.explanation(of: RPCError(code: .unavailable, message: "connection refused")) == nil)
        #expect(HandshakeFailure.explanation(of: CancellationError()) == nil)
    }
}
