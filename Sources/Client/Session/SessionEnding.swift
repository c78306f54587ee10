import GRPCCore
import Identity
import Wire

/// Why a session ended or did not begin: what decides when to try again, and what to tell people.
enum SessionEnding: Sendable {
    /// The coordinator closes or asks to come back after a while.
    case drained(reason: String, after: Duration)
    /// The coordinator cannot be reached, or the connection broke: expected to pass.
    case outage(String)
    /// The coordinator does not want this client, or this client does not trust the coordinator: does not pass by
    /// itself.
    case refused(String)
    /// The daemon stops.
    case stopped

    /// Reads an error of the session's call.
    init(_ error: any Error) {
        if let error = error as? WireError, error.code == .incompatibleVersion {
            self = .refused(error.message)
            return
        }
        if error is IdentityError {
            self = .refused("\(error)")
            return
        }
        // A connection closed in the handshake may be a coordinator that was just ended.
        if let explanation = HandshakeFailure.explanation(of: error), !explanation.contains("closed the connection") {
            self = .refused(explanation)
            return
        }
        guard let error = error as? RPCError else {
            self = .outage("\(error)")
            return
        }
        switch error.code {
        case .permissionDenied, .unauthenticated, .failedPrecondition, .unimplemented, .invalidArgument,
            .resourceExhausted:
            self = .refused(error.message.isEmpty ? "the coordinator refuses: \(error.code)" : error.message)
        default:
            let cause = error.cause.map { " (\($0))" } ?? ""
            self = .outage(error.message.isEmpty ? "\(error.code)\(cause)" : "\(error.message)\(cause)")
        }
    }
}
