internal import Aggregation
internal import Durability
internal import Federation
internal import Jobs

/// The fold of one round: spooled updates and the global weights in, a durable blob out. A pure function of those files.
struct RoundFold: Sendable {
    let plan: JobPlan
    let blobs: BlobStore
    let spool: Spool
    let crash: CrashPoints
    /// The job's privacy; nil without.
    let privacy: RoundPrivacy?

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
        var updates: [any UpdateSource] = try order.updates.map { update in
            let path = spool.path(
                job: plan.id, round: update.startedFrom ?? order.round, attempt: update.draw ?? order.attempt,
                client: update.client)
            return try plan.discounted(
                update, in: order.round,
                PartialUpdate(
                    clientID: update.client, examples: update.statistics.examples, loss: update.statistics.meanLoss,
                    tensors: DecodedTensors.showing(
                        StoredTensors(spool.fileSystem.open(path, .read)), as: plan.encoded),
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
        let writer = try blobs.writer(name: "fold-\(plan.id)-\(order.round)")
        do {
            var isPastHalf = false
            let report = try plan.strategy.aggregate(
                global: global, updates: updates, rules: plan.rules,
                progress: { progress in
                    try Task.checkCancellation()
                    guard progress.isPastHalf, !isPastHalf else { return }
                    isPastHalf = true
                    try crash.reached(.halfFold)
                },
                sink: { try writer.append($0) })
            // What an update weighs in a private sum tells its norm: that is not reported.
            let digest = try writer.commit { try crash.reached(.afterBlobRename) }
            return Outcome(
                digest: digest, report: order.charge == nil ? report : nil, nextClipNorm: nextClipNorm)
        } catch {
            writer.discard()
            throw error
        }
    }
}
