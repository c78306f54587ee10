internal import Durability
internal import Federation
internal import Foundation
internal import Identity
internal import Jobs
internal import Logging
internal import Privacy
internal import SwiftProtobuf
internal import Weights
internal import Wire
internal import WireMessages

/// Takes one job: its specification, then its initial weights straight into a blob.
struct JobSubmission: Sendable {
    let core: CoordinatorCore
    let peer: PeerIdentity

    /// Reads the submission and stores it.
    func take(_ messages: MessageReader<Tributary_V1_SubmitJobRequest>) async throws -> Tributary_V1_SubmitJobResponse {
        let watch = StallWatch(limit: core.settings.stall, what: "submission by \(peer.identity.name)")
        return try await watch.watching {
            try await withBlockingWork { try await take(messages) { watch.moved() } }
        }
    }

    private func take(
        _ messages: MessageReader<Tributary_V1_SubmitJobRequest>, moved: @Sendable () -> Void
    ) async throws -> Tributary_V1_SubmitJobResponse {
        guard case .header(let header)? = try await messages.next()?.part else {
            throw WireError(.outOfOrder, "submission: expected a header first")
        }
        moved()
        let specification = try JobSpecification(json: header.specification)
        guard specification.secureAggregation.isEmpty || specification.clients.perRound <= SecureLimits.cohort else {
            throw JobsError(
                code: .invalidSpecification,
                message: "clients.perRound: found \(specification.clients.perRound), expected at most "
                    + "\(SecureLimits.cohort) with secureAggregation between daemons: everybody's keys are one message")
        }
        let problems = specification.federationProblems
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        let digest = try PeerText.digest(header.weightsDigest, field: "submission.weights_digest")
        let bytes = Int64(try PeerText.count(header.weightsBytes, field: "submission.weights_bytes"))
        let token = header.token.isEmpty ? nil : try PeerText.name(header.token, field: "submission.token")
        let trainer = try UpdateDescription.trainer(header.trainer)
        guard bytes <= core.settings.maximumModel else {
            throw CoordinatorError(
                .limit, "the weights have \(bytes) bytes, this coordinator takes at most \(core.settings.maximumModel)")
        }
        if let token, let known = try await core.store.job(operator: peer.identity.name, token: token) {
            guard known.specification == specification, known.initialDigest == digest else {
                throw CoordinatorError(
                    .conflict,
                    "the token was used before for job \(known.id) with another specification or other weights")
            }
            return .with {
                $0.job = known.id
                $0.existed = true
            }
        }
        if let reason = core.disk.shortage() { throw CoordinatorError(.noSpace, reason) }
        try await receive(messages, digest: digest, bytes: bytes, moved: moved)
        // Swept after its release: weights that no job came to refer to do not stay.
        defer {
            core.blobs.release(digest)
            core.janitor.sweep { [blobs = core.blobs, store = core.store] in
                try blobs.remove([digest]) { try store.refersToBlob($0) }
            }
        }
        let job = try record(specification, token: token, digest: digest, bytes: bytes, trainer: trainer)
        let (id, existed) = try await core.jobs.submit(job)
        if !existed {
            try await core.audit.recordDurably(
                .jobSubmitted, subject: peer.identity.uri,
                detail: ["job": id, "name": specification.name, "digest": digest])
            core.logger.info(
                "job submitted",
                metadata: ["job": "\(id)", "operator": "\(peer.identity.name)", "weights": "\(digest.prefix(12))"])
        }
        return .with {
            $0.job = id
            $0.existed = existed
        }
    }

    /// Streams the weights into a held blob.
    private func receive(
        _ messages: MessageReader<Tributary_V1_SubmitJobRequest>, digest: String, bytes: Int64,
        moved: @Sendable () -> Void
    ) async throws {
        let writer = try core.blobs.writer(name: "submission-\(UUID().uuidString)")
        do {
            var chunks = ChunkSequence(totalBytes: bytes)
            while !chunks.isComplete {
                guard case .chunk(let chunk)? = try await messages.next()?.part else {
                    throw CoordinatorError(
                        .invalidRequest, "the weights ended after \(chunks.position) of \(bytes) bytes")
                }
                moved()
                for region in try chunks.accept(chunk).regions {
                    try region.withUnsafeBytes { try writer.append($0) }
                }
            }
            guard writer.hexadecimalDigest == digest else {
                throw CoordinatorError(
                    .invalidRequest,
                    "the weights have the digest \(writer.hexadecimalDigest.prefix(12)), "
                        + "the header says \(digest.prefix(12))")
            }
            _ = try writer.commit()
        } catch {
            writer.discard()
            throw error
        }
    }

    /// Checks the weights against the specification. A blob that fails has no row and is swept.
    private func record(
        _ specification: JobSpecification, token: String?, digest: String, bytes: Int64, trainer: [String: String]
    ) throws -> JobRecord {
        let tensors = try StoredTensors(try core.blobs.open(digest))
        guard try tensors.isCanonical() else {
            throw CoordinatorError(
                .invalidRequest,
                "the weights are not in the canonical form of safetensors: write them with `tributary`")
        }
        let job = JobRecord(
            id: Self.identifier(specification.name), operator: peer.identity.name, token: token,
            specification: specification, submittedAt: core.clock.now(), initialDigest: digest,
            weightsBytes: bytes, schemaDigest: try AuxiliaryTensors.modelSchema(of: tensors.schema).digest,
            trainer: trainer)
        let plan = try JobPlan(job: job, schema: tensors.schema)
        try specification.checkProjections(elements: plan.parameters)
        // Some numbers of privacy depend on the model's size: sums of noised updates may not fit.
        _ = try RoundPrivacy(specification, secret: PrivacySecret(), parameters: plan.parameters)
        return job
    }

    /// The job's name and eight random hexadecimal digits.
    private static func identifier(_ name: String) -> String {
        let number = String(UInt32.random(in: 0...UInt32.max), radix: 16)
        return "\(name)-\(String(repeating: "0", count: 8 - number.count))\(number)"
    }
}
