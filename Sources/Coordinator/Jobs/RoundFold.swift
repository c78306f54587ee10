internal import Aggregation
internal import Durability
internal import Federation
internal import Jobs
internal import Privacy
internal import Weights

/// The fold of one round: spooled updates and the global weights in, a durable blob out. A pure function of those files.
struct RoundFold: Sendable {
    let plan: JobPlan
    let blobs: BlobStore
    let spool: Spool
    /// Where the updates that lie in the round's pack begin, by client.
    let packed: [String: Int64]
    let crash: CrashPoints
    /// The job's privacy; nil without.
    let privacy: RoundPrivacy?
    /// What takes the masks off; nil in a job without secure aggregation.
    let unmasked: SecureAggregator.Unmasked?
    /// What is folded with; nil for the job's own.
    var strategy: (any AggregationStrategy)?

    /// What a fold comes to.
    struct Outcome: Sendable {
        /// SHA-256 of the new weights.
        var digest: String
        /// What went into them; nil in a job with privacy.
        var report: AggregationReport?
        /// The clipping norm of the next round, with adaptive clipping.
        var nextClipNorm: Double?
    }

    /// Folds away from the cooperative pool. The blob is held; the caller releases it once the round is committed.
    func run(_ order: AggregationOrder) async throws -> Outcome {
        try await withBlockingWork { try fold(order) }
    }

    private func fold(_ order: AggregationOrder) throws -> Outcome {
        let global = try StoredTensors(try blobs.open(order.weightsDigest))
        if let unmasked {
            return try fold([try sum(order, unmasked)], into: global, order, isReported: false, nextClipNorm: nil)
        }
        let pack =
            packed.isEmpty ? nil : try spool.pack(job: plan.id, round: order.round, attempt: order.attempt)
        var updates: [any UpdateSource] = try order.updates.map { update in
            try plan.discounted(
                update, in: order.round,
                PartialUpdate(
                    // Where the number is withheld every update counts equally.
                    clientID: update.client, examples: max(1, update.statistics.examples),
                    loss: update.statistics.meanLoss,
                    tensors: DecodedTensors.showing(
                        StoredTensors(open(update, order, pack)), as: plan.encoded),
                    expected: plan.updateSchema,
                    shownAs: plan.foldSchema))
        }
        var nextClipNorm: Double?
        if let charge = order.charge, let privacy {
            let sum = try PrivateSum(
                of: updates, schema: plan.foldSchema, rules: plan.rules, round: order.round, attempt: order.attempt,
                charge: charge, privacy: privacy)
            nextClipNorm = sum.nextClipNorm
            updates = [sum]
        }
        // What an update weighs in a private sum tells its norm: that is not reported.
        return try fold(updates, into: global, order, isReported: order.charge == nil, nextClipNorm: nextClipNorm)
    }

    private func open(
        _ update: AdmittedUpdate, _ order: AggregationOrder, _ pack: PackedFile.Pack?
    ) throws -> any OpenFile {
        guard let pack, let offset = packed[update.client] else {
            return try spool.fileSystem.open(path(of: update, order), .read)
        }
        return PackedFile(pack, at: offset, bytes: plan.updateBytes)
    }

    private func path(of update: AdmittedUpdate, _ order: AggregationOrder) -> String {
        spool.path(
            job: plan.id, round: update.startedFrom ?? order.round, attempt: update.draw ?? order.attempt,
            client: update.client)
    }

    /// The sum of masked updates, of which no single one can be read; where the job asks, their norms are checked before.
    private func sum(_ order: AggregationOrder, _ unmasked: SecureAggregator.Unmasked) throws -> SecureSum {
        let words = try unmasked.clients.map {
            let path = spool.path(job: plan.id, round: order.round, attempt: order.attempt, client: $0)
            return try StoredTensors(spool.fileSystem.open(path, .read))
        }
        if let check = unmasked.check {
            let updates = Dictionary(zip(unmasked.clients, words)) { first, _ in first }
            let findings = try check.exchange.findings(check.request, bound: check.bound) {
                client, tensor, start, target in
                try Task.checkCancellation()
                try updates[client]?.readBlock(
                    tensor: tensor, byteOffset: start * 4, into: UnsafeMutableRawBufferPointer(target))
            }
            try MaskedNormRefusal.check(findings)
        }
        return try SecureSum(
            of: words, removing: unmasked.masks, as: unmasked.encoding, words: plan.encoded.plain,
            schema: plan.foldSchema, rules: plan.rules)
    }

    private func fold(
        _ updates: [any UpdateSource], into global: StoredTensors, _ order: AggregationOrder, isReported: Bool,
        nextClipNorm: Double?
    ) throws -> Outcome {
        let writer = try blobs.writer(name: "fold-\(plan.id)-\(order.round)")
        do {
            var isPastHalf = false
            let report = try (strategy ?? plan.strategy).aggregate(
                global: global, updates: updates, rules: plan.rules,
                progress: { progress in
                    try Task.checkCancellation()
                    guard progress.isPastHalf, !isPastHalf else { return }
                    isPastHalf = true
                    try crash.reached(.halfFold)
                },
                sink: { try writer.append($0) })
            let digest = try writer.commit { try crash.reached(.afterBlobRename) }
            return Outcome(
                digest: digest, report: isReported ? report : nil, nextClipNorm: nextClipNorm)
        } catch {
            writer.discard()
            throw error
        }
    }
}
