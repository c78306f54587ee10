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

    /// Folds away from the cooperative pool. The blob is held; the caller releases it once the round is committed.
    ///
    /// - Returns: the digest of the new weights, and what went into them.
    func run(_ order: AggregationOrder) async throws -> (digest: String, report: AggregationReport) {
        try await withBlockingWork { try fold(order) }
    }

    private func fold(_ order: AggregationOrder) throws -> (digest: String, report: AggregationReport) {
        let global = try StoredTensors(try blobs.open(order.weightsDigest))
        let updates = try order.updates.map { update in
            let path = spool.path(job: plan.id, round: order.round, attempt: order.attempt, client: update.client)
            return try PartialUpdate(
                clientID: update.client, examples: update.statistics.examples, loss: update.statistics.meanLoss,
                tensors: StoredTensors(spool.fileSystem.open(path, .read)), expected: plan.updateSchema,
                shownAs: plan.foldSchema)
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
            return (try writer.commit { try crash.reached(.afterBlobRename) }, report)
        } catch {
            writer.discard()
            throw error
        }
    }
}
