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

    private var desk: UpdateDesk { UpdateDesk(core: core) }

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
            if let receipt = try await desk.receipt(for: identity, digest: digest, client: client) {
                response.receipt = receipt
                desk.release(identity, client: client)
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
                guard let receipt = try await desk.refuse(header, error, client: client) else { throw error }
                return receipt
            }
            // What was answered before is answered again without a slot: nothing is going to be moved.
            if let receipt = try await desk.receipt(for: update.identity, digest: update.digest, client: client) {
                desk.release(update.identity, client: client)
                return receipt
            }
            guard let runner = try await core.jobs.judge(of: update.identity.job) else {
                return UpdateDesk.receipt(.roundOver, reason: "the job is over")
            }
            let purpose = TransferPurpose(identity: update.identity, direction: .upload)
            let receipt = try await core.transfers.withCall(of: peer.identity, purpose: purpose) {
                try await core.registry.grants.withGrant(update.grant, client: client, purpose: purpose) {
                    try await desk.take(update, of: client, runner) { receiver in
                        try await receive(messages, update, receiver)
                    }
                }
            }
            desk.release(update.identity, client: client)
            return receipt
        }
    }

    /// Takes the chunks of an upload off the wire.
    private func receive(
        _ messages: MessageReader<Tributary_V1_SubmitUpdateRequest>, _ update: UpdateDescription,
        _ receiver: UploadReceiver
    ) async throws -> UploadReceiver.Result {
        let watch = StallWatch(
            limit: core.settings.stall, what: "upload of \(update.identity) by \(receiver.client)")
        return try await watch.watching {
            try await withBlockingWork {
                try await receiver.receive(messages) {
                    watch.moved()
                } complete: {
                    watch.allMoved()
                    core.registry.grants.end(update.grant, client: receiver.client)
                }
            }
        }
    }

    private static func peer(_ context: ServerContext) throws -> PeerIdentity {
        guard let peer = context.peer, peer.identity.role == .client else {
            throw RPCError(code: .permissionDenied, message: "this service is for clients")
        }
        return peer
    }
}
