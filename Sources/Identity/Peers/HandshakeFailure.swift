internal import GRPCCore

/// What a failed TLS handshake means, in words.
public enum HandshakeFailure {
    /// A sentence for an error of a call or connection that ended with a TLS alert or a refused certificate, nil when
    /// it is something else. The alert does not carry the cause of a refusal: the other side's log does.
    public static func explanation(of error: any Error) -> String? {
        var current: (any Error)? = error
        var depth = 0
        while let error = current, depth < 8 {
            if let sentence = explanation("\(error)") { return sentence }
            switch error {
            case let error as RPCError: current = error.cause
            case let error as RuntimeError: current = error.cause
            default: current = nil
            }
            depth += 1
        }
        return nil
    }

    static func explanation(_ text: String) -> String? {
        let meanings = [
            ("CERTIFICATE_REQUIRED", "the other side asks for a certificate and got none"),
            ("ALERT_CERTIFICATE_UNKNOWN", "the other side refused this certificate; its log names the cause"),
            ("ALERT_BAD_CERTIFICATE", "the other side refused this certificate; its log names the cause"),
            ("ALERT_CERTIFICATE_EXPIRED", "the other side says that this certificate is expired"),
            ("ALERT_CERTIFICATE_REVOKED", "the other side says that this certificate is revoked"),
            ("ALERT_UNKNOWN_CA", "the other side does not know the CA of this certificate"),
            ("ALERT_UNSUPPORTED_CERTIFICATE", "the other side refused the usage of this certificate"),
            ("CERTIFICATE_VERIFY_FAILED", "the other side's certificate was refused; the log names the cause"),
            ("HTTP_REQUEST", "the other side speaks plain HTTP"),
            ("WRONG_VERSION_NUMBER", "the other side does not speak TLS"),
            ("EOF during handshake", "the other side closed the connection during the handshake"),
        ]
        return meanings.first { text.contains($0.0) }?.1
    }
}
