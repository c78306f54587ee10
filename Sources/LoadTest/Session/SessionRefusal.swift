internal import GRPCCore

/// What the coordinator said when it took no session.
enum SessionRefusal {
    /// The status and its sentence.
    static func sentence(_ error: any Error) -> String {
        guard let error = error as? RPCError else { return "\(error)" }
        return "\(error.code): \(error.message)"
    }
}
