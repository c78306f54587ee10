internal import Durability
internal import Federation
internal import Identity
internal import Jobs
internal import Logging
internal import Wire

/// How each action is carried out.
extension JobRunner {
    /// Carries out one action; durable when it returns. Returns the events that answer it.
    func perform(_ action: RoundAction) async throws -> [RoundEvent] {
        let store = context.store
        switch action {
        case .commitCohort(let cohort):
            try await commit(cohort)
            try context.crash.reached(.afterSelectCommit)
            if isAsynchronous {
                context.board.join(job: id, cohort: cohort.cohort)
            } else {
                context.board.begin(job: id, cohort: cohort.cohort)
                secure?.begin(cohort, weightsDigest: weightsDigest, distributed: privacy?.distributed)
            }
            context.changes.changed(job: id, round: cohort.round)
            let committed = RoundEvent.cohortCommitted(round: cohort.round, attempt: cohort.attempt)
            // With a full disk the round would fail at its end: it is held before its tasks go out.
            guard let reason = context.disk.shortage() else { return [committed] }
            return [.pause(reason: reason), committed]
        case .commitDeadline(let task, let deadline):
            try await store.commitDeadline(job: id, task: task, deadline: deadline)
        case .offer(let offer, let client):
            let assignment = TaskAssignment(
                job: id, operator: plan.job.operator, specification: plan.specification, offer: offer,
                weightsBytes: plan.job.weightsBytes, schemaDigest: plan.job.schemaDigest)
            if let refusal = refusalToAsk(client, for: offer.task) { return [refusal] }
            if offer.task.kind == .train {
                if let refusal = secure?.refusal(of: client) {
                    return [.taskRefused(task: offer.task, refusal: refusal, isDeclined: true)]
                }
                secure?.offered(offer.task)
            }
            await context.fleet.assign(assignment, to: client)
        case .cancel(let task, let client, let reason):
            await context.fleet.cancel(task, job: id, client: client, reason: reason)
        case .commitRefusal(let task, let refusal, let isDeclined):
            try await commit(refusal, of: task, isDeclined: isDeclined)
        case .commitAttemptFailure(let failure):
            try await store.commitFailure(job: id, failure)
            secure?.end(reason: failure.reason)
            context.logger.warning(
                "round failed",
                metadata: [
                    "job": "\(id)", "round": "\(failure.round)", "attempt": "\(failure.attempt)",
                    "reason": "\(failure.reason)",
                ])
            tidy { context, job in
                try context.spool.remove(job: job, round: failure.round, attempt: failure.attempt)
            }
            context.changes.changed(job: id, round: failure.round)
            return [.attemptFailureCommitted(round: failure.round, attempt: failure.attempt)]
        case .commitRound(let result):
            return try await commit(result)
        case .commitEvaluation(let result):
            let dropped = try await store.commitEvaluation(job: plan.job, result)
            tidy { context, _ in try context.removeBlobs(dropped) }
            logEvaluation(result)
            context.changes.changed(job: id, round: result.round)
            return [.evaluationCommitted(round: result.round)]
        case .commitOwnModels(let result):
            try await store.commitOwnModels(job: id, result)
            context.logger.info(
                "own models received",
                metadata: [
                    "job": "\(id)", "models": "\(result.updates.count)", "missing": "\(result.refusals.count)",
                ])
            return [.ownModelsCommitted(round: result.round)]
        case .commitStudy(let record):
            try await commit(record)
            return [.studyCommitted(round: record.evaluation.round)]
        case .commitStatus(let status):
            try await commit(status)
            return [.statusCommitted(status)]
        case .aggregate, .makeModel:
            // The loop starts folds itself.
            break
        }
        return []
    }

    /// Where the updates of a round begin in its pack; empty where each has a file of its own.
    func packOffsets(round: Int, attempt: Int) async throws -> [String: Int64] {
        guard plan.packsUpdates else { return [:] }
        return try await context.store.packOffsets(job: id, round: round, attempt: attempt)
    }

    /// Folds a round and tells the loop what came of it.
    func fold(_ order: AggregationOrder) async throws {
        do {
            let packed = try await packOffsets(round: order.round, attempt: order.attempt)
            let fold = RoundFold(
                plan: plan, blobs: context.blobs, spool: context.spool, packed: packed, crash: context.crash,
                privacy: privacy, unmasked: try await secure?.unmask(order))
            let result = try await fold.run(order)
            post(
                .aggregated(
                    round: order.round, attempt: order.attempt, weightsDigest: result.digest, report: result.report,
                    nextClipNorm: result.nextClipNorm))
        } catch let error as DurabilityError where error.code == .crashed {
            throw error
        } catch let error as DurabilityError where error.code == .noSpace {
            post(
                .aggregationHeld(
                    round: order.round, attempt: order.attempt,
                    reason: "\(DiskGuard.reason): \(error.message)"))
        } catch is CancellationError {
            return
        } catch let error as MaskedNormRefusal {
            post(
                .aggregationFailed(
                    round: order.round, attempt: order.attempt, reason: error.reason, refusals: error.refusals))
        } catch {
            post(.aggregationFailed(round: order.round, attempt: order.attempt, reason: "\(error)"))
        }
    }

    private func commit(_ result: RoundResult) async throws -> [RoundEvent] {
        let dropped = try await context.store.commitRound(job: plan.job, result)
        try context.crash.reached(.afterRoundCommit)
        secure?.end(reason: "the round is over")
        context.blobs.release(result.weightsDigest)
        let keepsUpdates = plan.specification.keepUpdates || plan.specification.isStudied(round: result.round)
        let isAsynchronous = isAsynchronous
        tidy { context, job in
            if !keepsUpdates, !isAsynchronous {
                try context.spool.remove(job: job, round: result.round, attempt: result.attempt)
            }
            try context.removeBlobs(dropped)
        }
        if isAsynchronous { try await tidySpool(after: result) }
        if plan.job.weightsBytes >= TransferHeap.largeModel { tidy { _, _ in TransferHeap.trim() } }
        let examples = result.totals.knownExamples.map { "\($0)" } ?? ReportedFigures.withheld.rawValue
        context.logger.info(
            "round completed",
            metadata: [
                "job": "\(id)", "round": "\(result.round)", "updates": "\(result.admitted.count)",
                "examples": "\(examples)", "weights": "\(result.weightsDigest.prefix(12))",
            ])
        context.changes.changed(job: id, round: result.round)
        return [.roundCommitted(round: result.round)]
    }

    private func commit(_ refusal: TaskRefusal, of task: RoundTask, isDeclined: Bool) async throws {
        try await context.store.commitRefusal(
            job: id, task: task, refusal, isDeclined: isDeclined, at: context.clock.now())
        // Told before what follows from it, the job's end for one.
        context.changes.changed(job: id, round: task.round)
        let identity = TaskIdentity(job: id, task: task)
        if task.kind == .train { secure?.left(refusal.client, task, reason: refusal.reason) }
        context.board.enter(.refused, task: identity, client: refusal.client)
        context.logger.warning(
            "task refused",
            metadata: [
                "client": "\(refusal.client)", "task": "\(identity)", "code": "\(refusal.code)",
                "reason": "\(refusal.reason)",
            ])
        if !isDeclined {
            context.audit.record(
                .updateRefused, subject: refusal.client,
                detail: [
                    "job": id, "round": "\(task.round)", "kind": task.kind.rawValue, "code": refusal.code,
                    "reason": refusal.reason,
                ])
        }
        if isAsynchronous, task.kind == .train { dropUpdate(of: task, client: refusal.client) }
        context.registry.finished(identity, client: refusal.client)
    }

    private func commit(_ status: JobStatus) async throws {
        let dropped = try await context.store.commitStatus(
            job: id, status, at: context.clock.now(), dropsUpdates: !plan.specification.keepUpdates)
        if !dropped.isEmpty { tidy { context, _ in try context.removeBlobs(dropped) } }
        context.logger.info(
            "job \(status.state.rawValue)", metadata: ["job": "\(id)", "reason": "\(status.reason)"])
        if status.state.isFinal {
            secure?.end(reason: "the job is \(status.state.rawValue)")
            context.audit.record(
                .jobEnded, subject: plan.job.operator,
                detail: ["job": id, "state": status.state.rawValue, "reason": status.reason])
            if !plan.specification.keepUpdates { tidy { context, job in try context.spool.remove(job: job) } }
            tidy { context, job in try context.secrets.remove(job) }
        }
        context.statusChanged(id, status)
        context.changes.changed(job: id)
    }

    private func logEvaluation(_ result: EvaluationResult) {
        guard result.round < plan.specification.rounds else { return logStudied(result) }
        let metric = plan.specification.selectBy.metric
        context.logger.info(
            "round evaluated",
            metadata: [
                "job": "\(id)", "round": "\(result.round)", "clients": "\(result.reported.count)",
                "examples": "\(result.totals.examples)",
                "\(metric)": "\(result.metrics[metric].map { "\($0)" } ?? "-")",
            ])
    }

    /// Removes soon what no row refers to any more.
    func tidy(_ body: @escaping @Sendable (RunnerContext, String) throws -> Void) {
        context.janitor.sweep { [context, id] in try body(context, id) }
    }
}

extension RunnerContext {
    /// Removes blobs that no row refers to any more; a row that came back in the meantime keeps its file.
    func removeBlobs(_ digests: [String]) throws {
        try blobs.remove(digests) { try store.refersToBlob($0) }
    }
}
