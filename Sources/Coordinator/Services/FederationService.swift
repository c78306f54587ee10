internal import Durability
internal import Federation
internal import Foundation
internal import GRPCCore
internal import Identity
internal import Jobs
internal import Logging
internal import SwiftProtobuf
internal import Wire
internal import WireMessages

/// The service that client daemons speak to. Every call acts for the client that its certificate names, and for no other.
struct FederationService: Tributary_V1_Federation.SimpleServiceProtocol {
    let core: CoordinatorCore

    // MARK: Session

    func connect(
        request: RPCAsyncSequence<Tributary_V1_ClientMessage, any Error>,
        response: RPCWriter<Tributary_V1_CoordinatorMessage>,
        context: ServerContext
    ) async throws {
        try await translating {
            try await ClientSession(core: core, link: SessionLink(peer: try Self.peer(context)))
                .run(request: request, response: response)
        }
    }

    // MARK: Weights

    func fetchWeights(
        request: Tributary_V1_FetchWeightsRequest,
        response: RPCWriter<Tributary_V1_Chunk>,
        context: ServerContext
    ) async throws {
        try await translating {
            let peer = try Self.peer(context)
            let identity = try TaskIdentity(request.identity)
            let digest = try PeerText.digest(request.digest, field: "fetch.digest")
            let offset = Int64(try PeerText.count(request.offset, field: "fetch.offset"))
            let purpose = TransferPurpose(identity: identity, direction: .fetch)
            let pace = core.connections.pace(of: context)
            try await core.transfers.withCall(of: peer.identity, purpose: purpose) {
                try await core.registry.grants.withGrant(request.grant, client: peer.identity.name, purpose: purpose) {
                    try await fetch(identity, digest, from: offset, client: peer.identity.name, pace, response)
                }
            }
        }
    }

    private func fetch(
        _ identity: TaskIdentity, _ digest: String, from offset: Int64, client: String, _ pace: WritePace,
        _ response: RPCWriter<Tributary_V1_Chunk>
    ) async throws {
        try await checkMayFetch(identity, digest, client: client)
        let watch = StallWatch(limit: core.settings.stall, what: "fetch of \(identity) by \(client)")
        try await watch.watching {
            try await withBlockingWork {
                let file = try core.blobs.open(digest)
                defer { file.close() }
                core.board.enter(
                    .fetching, task: identity, client: client, bytes: offset, totalBytes: try file.size())
                try await BlobSender.send(file, from: offset, pace: pace) { bytes in
                    watch.moved()
                    core.board.moved(bytes, task: identity, client: client)
                } write: { chunk in
                    try await response.write(chunk)
                }
            }
        }
    }

    /// A client fetches the weights of its own wanted tasks and no others.
    private func checkMayFetch(_ identity: TaskIdentity, _ digest: String, client: String) async throws {
        guard let runner = try await core.jobs.judge(of: identity.job),
            runner.standing(of: identity.roundTask, client: client) == .wanted
        else {
            throw CoordinatorError(.notFound, "the task \(identity) is not wanted of \(client)")
        }
        if let assignment = core.registry.assignment(identity, client: client) {
            guard assignment.offer.weightsDigest == digest else {
                throw CoordinatorError(.notFound, "the task \(identity) is not for the weights \(digest.prefix(12))")
            }
            return
        }
        // The client holds the task from before a reconnect.
        let round = identity.kind == .train ? identity.round - 1 : identity.round
        guard try await core.store.checkpoint(job: identity.job, round: round) == digest else {
            throw CoordinatorError(.notFound, "the task \(identity) is not for the weights \(digest.prefix(12))")
        }
    }

    // MARK: Updates

    func resumePoint(
        request: Tributary_V1_ResumePointRequest, context: ServerContext
    ) async throws -> Tributary_V1_ResumePointResponse {
        try await translating {
            let client = try Self.peer(context).identity.name
            let identity = try TaskIdentity(request.identity)
            let digest = try PeerText.digest(request.digest, field: "resume.digest")
            var response = Tributary_V1_ResumePointResponse()
            if let receipt = try await receipt(for: identity, digest: digest, client: client) {
                response.receipt = receipt
                release(identity, client: client, receipt)
                return response
            }
            response.offset = UInt64(
                try await withBlockingWork {
                    try core.spool.resumePoint(
                        job: identity.job, task: identity.roundTask, client: client, digest: digest)
                })
            return response
        }
    }

    func submitUpdate(
        request: RPCAsyncSequence<Tributary_V1_SubmitUpdateRequest, any Error>, context: ServerContext
    ) async throws -> Tributary_V1_UpdateReceipt {
        try await translating {
            let peer = try Self.peer(context)
            let client = peer.identity.name
            let messages = MessageReader(request)
            let patience = StallWatch(limit: core.settings.stall, what: "upload of \(client)")
            guard case .header(let header)? = try await patience.watching({ try await messages.next() })?.part else {
                throw WireError(.outOfOrder, "update: expected a header first")
            }
            let update: UpdateDescription
            do {
                update = try UpdateDescription(header)
            } catch let error as WireError {
                // A header that cannot be right is an answer for good, as long as it says whose.
                guard let receipt = try await refuse(header, error, client: client) else { throw error }
                return receipt
            }
            // What was answered before is answered again without a slot: nothing is going to be moved.
            if let receipt = try await receipt(for: update.identity, digest: update.digest, client: client) {
                release(update.identity, client: client, receipt)
                return receipt
            }
            guard let runner = try await core.jobs.judge(of: update.identity.job) else {
                return Self.receipt(.roundOver, reason: "the job is over")
            }
            let purpose = TransferPurpose(identity: update.identity, direction: .upload)
            let receipt = try await core.transfers.withCall(of: peer.identity, purpose: purpose) {
                try await core.registry.grants.withGrant(update.grant, client: client, purpose: purpose) {
                    try await take(update, messages, client: client, runner)
                }
            }
            release(update.identity, client: client, receipt)
            return receipt
        }
    }

    /// Records that a client's header is malformed, figures beyond all limits above all; nil when it is for no task that is
    /// wanted of the client.
    private func refuse(
        _ header: Tributary_V1_UpdateHeader, _ error: WireError, client: String
    ) async throws -> Tributary_V1_UpdateReceipt? {
        guard let identity = try? TaskIdentity(header.identity), identity.kind == .train,
            let runner = try await core.jobs.judge(of: identity.job),
            runner.standing(of: identity.roundTask, client: client) == .wanted
        else { return nil }
        let reason = PeerText.clean(error.message)
        try await runner.refuse(
            TaskRefusal(client: client, code: "header", reason: reason), task: identity.roundTask, isDeclined: false)
        let receipt = Self.receipt(.refused, code: "header", reason: reason)
        release(identity, client: client, receipt)
        return receipt
    }

    /// Takes an update and commits it, or records why not.
    private func take(
        _ update: UpdateDescription, _ messages: MessageReader<Tributary_V1_SubmitUpdateRequest>, client: String,
        _ runner: JobRunner
    ) async throws -> Tributary_V1_UpdateReceipt {
        let task = update.identity.roundTask
        do {
            guard let weights = runner.startingWeights(of: task, client: client) else {
                return Self.receipt(.roundOver, reason: "the task is over")
            }
            try UpdateAdmission(plan: runner.plan).check(update, weightsDigest: weights)
            guard try runner.secure?.takesUpdate(of: client, task) ?? true else {
                return Self.receipt(.roundOver, reason: "the exchange of this attempt is gone")
            }
            if let reason = core.disk.shortage() { throw CoordinatorError(.noSpace, reason) }
            let receiver = UploadReceiver(
                spool: core.spool, board: core.board, crash: core.settings.crash, update: update, client: client,
                plan: runner.plan, isWanted: { runner.standing(of: task, client: client) == .wanted })
            let watch = StallWatch(limit: core.settings.stall, what: "upload of \(update.identity) by \(client)")
            let result = try await watch.watching {
                try await withBlockingWork {
                    try await receiver.receive(messages) {
                        watch.moved()
                    } complete: {
                        watch.allMoved()
                        core.registry.grants.end(update.grant, client: client)
                    }
                }
            }
            guard result == .complete else { return Self.receipt(.roundOver, reason: "the round is over") }
        } catch let refusal as AdmissionRefusal {
            try await runner.refuse(
                TaskRefusal(client: client, code: refusal.code, reason: refusal.reason), task: task,
                isDeclined: false)
            return Self.receipt(.refused, code: refusal.code, reason: refusal.reason)
        } catch let error as CoordinatorError where error.code == .noSpace {
            // The job is held, with its deadlines, until there is space: the client tries again.
            runner.post(.pause(reason: "\(error)"))
            throw error
        }
        let record = UpdateRecord(
            digest: update.digest, bytes: update.totalBytes, statistics: update.statistics, trainer: update.trainer)
        let outcome = try await runner.commit(record, task: task, client: client)
        switch outcome {
        case .committed:
            core.board.enter(.done, task: update.identity, client: client, fraction: 1)
            return Self.receipt(.committed)
        case .standing(.committed):
            return try await receipt(for: update.identity, digest: update.digest, client: client)
                ?? Self.receipt(.roundOver)
        case .standing:
            try await withBlockingWork {
                try core.spool.remove(job: update.identity.job, task: task, client: client)
            }
            return Self.receipt(.roundOver, reason: "the round ended while the update came in")
        }
    }

    /// The final answer for an update that needs no transfer; nil when its bytes are wanted.
    private func receipt(
        for identity: TaskIdentity, digest: String, client: String
    ) async throws -> Tributary_V1_UpdateReceipt? {
        let task = identity.roundTask
        guard identity.kind == .train else {
            throw CoordinatorError(.invalidRequest, "\(identity): only training tasks have updates")
        }
        let standing = try await core.jobs.judge(of: identity.job)?.standing(of: task, client: client) ?? .over
        switch standing {
        case .wanted: return nil
        case .refused(let code, let reason): return Self.receipt(.refused, code: code, reason: reason)
        case .notAsked, .committed, .over:
            guard let known = try await core.store.update(job: identity.job, task: task, client: client) else {
                if let refusal = try await core.store.refusal(job: identity.job, task: task, client: client) {
                    return Self.receipt(.refused, code: refusal.code, reason: refusal.reason)
                }
                let reason = standing == .notAsked ? "\(client) was not asked for \(identity)" : "the round is over"
                return Self.receipt(.roundOver, reason: reason)
            }
            guard known.digest != digest else { return Self.receipt(.committed) }
            try await core.noteDuplicate(of: task, job: identity.job, client: client, digest: digest)
            return Self.receipt(.alreadyCommitted, reason: "another update was committed before; that one counts")
        }
    }

    /// A task that was answered for good is not the client's any more.
    private func release(_ identity: TaskIdentity, client: String, _ receipt: Tributary_V1_UpdateReceipt) {
        core.registry.finished(identity, client: client)
    }

    private static func receipt(
        _ status: Tributary_V1_UpdateStatus, code: String = "", reason: String = ""
    ) -> Tributary_V1_UpdateReceipt {
        .with {
            $0.status = status
            $0.code = code
            $0.reason = reason
        }
    }

    private static func peer(_ context: ServerContext) throws -> PeerIdentity {
        guard let peer = context.peer, peer.identity.role == .client else {
            throw RPCError(code: .permissionDenied, message: "this service is for clients")
        }
        return peer
    }
}
