internal import Federation
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Jobs
internal import Logging
internal import Wire
internal import WireMessages

/// The service that operators speak to.
struct OperationsService: Tributary_V1_Operations.SimpleServiceProtocol {
    let core: CoordinatorCore

    func submitJob(
        request: RPCAsyncSequence<Tributary_V1_SubmitJobRequest, any Error>, context: ServerContext
    ) async throws -> Tributary_V1_SubmitJobResponse {
        try await call(context) { peer in
            try await JobSubmission(core: core, peer: peer).take(MessageReader(request))
        }
    }

    func listJobs(
        request: Tributary_V1_ListJobsRequest, context: ServerContext
    ) async throws -> Tributary_V1_ListJobsResponse {
        try await call(context) { _ in
            var response = Tributary_V1_ListJobsResponse()
            for job in try await core.store.jobs() { response.jobs.append(try await core.summary(job)) }
            return response
        }
    }

    func watchJob(
        request: Tributary_V1_WatchJobRequest, response: RPCWriter<Tributary_V1_JobUpdate>, context: ServerContext
    ) async throws {
        try await call(context) { _ in
            try await JobWatch(core: core, job: try await job(request.job)).run(
                from: Int(request.fromRound), response)
        }
    }

    func controlJob(
        request: Tributary_V1_ControlJobRequest, context: ServerContext
    ) async throws -> Tributary_V1_JobSummary {
        try await call(context) { peer in
            let job = try await job(request.job)
            let control: JobManager.Control
            switch request.action {
            case .stop: control = .stop
            case .pause: control = .pause
            case .resume: control = .resume
            default:
                throw CoordinatorError(.invalidRequest, "action: found none, expected stop, pause or resume")
            }
            let given = PeerText.clean(request.reason)
            let reason = "\(control.rawValue) by \(peer.identity.name)" + (given.isEmpty ? "" : ": \(given)")
            try await core.jobs.control(job, control, reason: reason)
            try await core.audit.recordDurably(
                .jobControlled, subject: peer.identity.uri,
                detail: ["job": job.id, "action": control.rawValue, "reason": given])
            return try await core.summary(try await self.job(job.id))
        }
    }

    func listClients(
        request: Tributary_V1_ListClientsRequest, context: ServerContext
    ) async throws -> Tributary_V1_ListClientsResponse {
        try await call(context) { _ in
            var response = Tributary_V1_ListClientsResponse()
            response.clients = try await core.clientSummaries()
            return response
        }
    }

    func revoke(
        request: Tributary_V1_RevokeRequest, context: ServerContext
    ) async throws -> Tributary_V1_RevokeResponse {
        try await call(context) { peer in
            guard let role = Role(rawValue: request.role), role != .coordinator else {
                throw CoordinatorError(
                    .invalidRequest, "role: found \"\(PeerText.clean(request.role))\", expected client or operator")
            }
            let identity: ParticipantIdentity
            do {
                identity = try ParticipantIdentity(
                    federation: core.settings.federation, role: role, name: request.name)
            } catch {
                throw CoordinatorError(.invalidRequest, "name: \(error)")
            }
            var response = Tributary_V1_RevokeResponse()
            if request.reinstate {
                try await core.reinstate(identity, by: peer.identity)
            } else {
                response.sessionsClosed = UInt32(
                    clamping: try await core.revoke(
                        identity, reason: PeerText.clean(request.reason), by: peer.identity))
            }
            return response
        }
    }

    func export(
        request: Tributary_V1_ExportRequest, response: RPCWriter<Tributary_V1_ExportResponse>,
        context: ServerContext
    ) async throws {
        try await call(context) { peer in
            let export = try await JobExport(core: core, job: try await job(request.job), round: request.round)
            guard !request.cardOnly else { return try await export.sendCard(response) }
            try await core.audit.recordDurably(
                .weightsExported, subject: peer.identity.uri,
                detail: [
                    "job": export.job.id, "round": export.round.map { "\($0)" } ?? "initial",
                    "digest": export.digest,
                ])
            try await export.send(response, pace: core.connections.pace(of: context))
        }
    }

    func readAudit(
        request: Tributary_V1_ReadAuditRequest, response: RPCWriter<Tributary_V1_AuditLine>, context: ServerContext
    ) async throws {
        try await call(context) { _ in
            await core.audit.drain()
            try await AuditReader(path: core.audit.log.path).send(response)
        }
    }

    /// Runs a call for an operator; it ends when the operator is revoked or the coordinator shuts down.
    private func call<Value: Sendable>(
        _ context: ServerContext, _ body: @escaping @Sendable (PeerIdentity) async throws -> Value
    ) async throws -> Value {
        guard let peer = context.peer, peer.identity.role == .operator else {
            throw RPCError(code: .permissionDenied, message: "this service is for operators")
        }
        return try await translating {
            try await core.transfers.withCall(of: peer.identity) { try await body(peer) }
        }
    }

    /// A job by identifier or name.
    private func job(_ reference: String) async throws -> JobRecord {
        guard let job = try await core.store.job(reference) else {
            throw CoordinatorError(.notFound, "there is no job \"\(PeerText.clean(reference))\"")
        }
        return job
    }
}
