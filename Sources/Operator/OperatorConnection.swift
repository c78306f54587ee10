public import GRPCCore
internal import SwiftProtobuf
public import WireMessages

/// The operator's side of the Operations service.
///
/// Calls fail at once when the coordinator cannot be reached; none waits for it to come up.
public struct OperatorConnection<Transport: ClientTransport>: Sendable {
    let operations: Tributary_V1_Operations.Client<Transport>
    let address: String
    let options: CallOptions

    /// Speaks through `client`; `address` is for messages to people.
    public init(client: GRPCClient<Transport>, address: String, options: CallOptions = .defaults) {
        operations = Tributary_V1_Operations.Client(wrapping: client)
        self.address = address
        var options = options
        options.waitForReady = false
        self.options = options
    }

    /// All jobs, newest first.
    public func jobs() async throws -> [JobView] {
        try await translating {
            try await operations.listJobs(.init(), options: options).jobs.map(JobView.init)
        }
    }

    /// Every client that ever connected or is revoked, by name.
    public func clients() async throws -> [ClientView] {
        try await translating {
            try await operations.listClients(.init(), options: options).clients.map { ClientView($0) }
        }
    }

    /// Stops, pauses or continues a job.
    public func control(job: String, action: Tributary_V1_JobAction, reason: String) async throws -> JobView {
        try await translating {
            let request = Tributary_V1_ControlJobRequest.with {
                $0.job = job
                $0.action = action
                $0.reason = reason
            }
            return JobView(try await operations.controlJob(request, options: options))
        }
    }

    /// Revokes a participant, or takes the revocation back. Returns the number of live sessions closed.
    public func revoke(name: String, role: String, reason: String, reinstate: Bool) async throws -> Int {
        try await translating {
            let request = Tributary_V1_RevokeRequest.with {
                $0.name = name
                $0.role = role
                $0.reason = reason
                $0.reinstate = reinstate
            }
            return Int(try await operations.revoke(request, options: options).sessionsClosed)
        }
    }

    /// Follows a job until it ends: `onUpdate` sees everything from `fromRound` on, then every change.
    public func watch(
        job: String,
        fromRound: Int = 0,
        onUpdate: @Sendable @escaping (JobProgress) async throws -> Void
    ) async throws {
        try await translating {
            let request = Tributary_V1_WatchJobRequest.with {
                $0.job = job
                $0.fromRound = UInt32(clamping: fromRound)
            }
            try await operations.watchJob(request, options: options) { response in
                for try await update in response.messages {
                    try await onUpdate(JobProgress(update))
                }
            }
        }
    }

    /// The audit log, line by line as it stands in the coordinator's file.
    public func auditLines() async throws -> [String] {
        try await translating {
            try await operations.readAudit(.init(), options: options) { response in
                var lines: [String] = []
                for try await line in response.messages { lines.append(line.json) }
                return lines
            }
        }
    }

    /// Turns transport errors into sentences for people.
    func translating<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as RPCError {
            throw OperatorError(error, address: address)
        }
    }
}

extension OperatorError {
    init(_ error: RPCError, address: String) {
        switch error.code {
        case .unavailable:
            let cause = error.cause.map { " (\($0))" } ?? ""
            let message = error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
            self.init(
                .unreachable,
                "cannot talk to the coordinator at \(address): \(message)\(cause). Is it running, is the address right, "
                    + "and is this operator's certificate valid and not revoked?"
            )
        case .permissionDenied, .unauthenticated:
            self.init(.refused, "the coordinator does not admit this certificate: \(error.message)")
        case .unimplemented:
            self.init(.refused, "the coordinator at \(address) does not know this request; is it an older version?")
        default:
            self.init(.refused, error.message.isEmpty ? "the coordinator failed: \(error.code)" : error.message)
        }
    }
}
