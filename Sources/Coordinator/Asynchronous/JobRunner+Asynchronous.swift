internal import Aggregation
internal import Federation
internal import Identity
internal import Jobs
internal import Logging

/// What is different in an asynchronous job: its draws are not rounds, and the updates of several are open at once.
extension JobRunner {
    var isAsynchronous: Bool { plan.specification.asynchronous != nil }

    /// Makes it durable who is asked.
    func commit(_ cohort: CohortRecord) async throws {
        if isAsynchronous {
            try await context.store.commitDraw(job: id, cohort)
        } else {
            try await context.store.commitCohort(
                job: id, cohort, isOwnModels: cohort.round >= plan.specification.rounds)
        }
    }

    /// Removes soon the files of the updates that a version holds, and the folders of draws that are over.
    func tidySpool(after result: RoundResult) async throws {
        guard !plan.specification.keepUpdates else { return }
        let closed = try await context.store.closedDraws(job: id, version: result.round)
        tidy { context, job in
            for update in result.admitted {
                guard let round = update.startedFrom, let draw = update.draw else { continue }
                try context.spool.remove(
                    job: job, task: RoundTask(.train, round: round, attempt: draw), client: update.client)
            }
            for task in closed { try context.spool.remove(job: job, round: task.round, attempt: task.attempt) }
        }
    }

    /// Removes soon the file of an update that waited and was refused, too old above all.
    func dropUpdate(of task: RoundTask, client: String) {
        tidy { context, job in try context.spool.remove(job: job, task: task, client: client) }
    }
}

extension JobPlan {
    /// An update as a fold takes it: multiplied with the discount of its age, in an asynchronous job.
    func discounted(
        _ update: AdmittedUpdate, in round: Int, _ source: any UpdateSource
    ) throws -> any UpdateSource {
        guard let settings = specification.asynchronous, let started = update.startedFrom else { return source }
        let factor = try AsynchronousSettings(settings).discount(staleness: round - started)
        return factor == 1 ? source : DiscountedUpdate(source, factor: factor)
    }
}

extension CoordinatorCore {
    /// Records once a task that a client sent another update after the one that counts.
    func noteDuplicate(of task: RoundTask, job: String, client: String, digest: String) async throws {
        let refusal = TaskRefusal(
            client: client, code: "duplicate",
            reason: "another update, \(digest.prefix(12)), came after the one that counts")
        guard try await store.commitDuplicate(job: job, task: task, refusal, at: clock.now()) else { return }
        logger.warning(
            "duplicate update refused",
            metadata: ["client": "\(client)", "job": "\(job)", "round": "\(task.round)", "attempt": "\(task.attempt)"])
        audit.record(
            .updateRefused, subject: client,
            detail: [
                "job": job, "round": "\(task.round)", "kind": task.kind.rawValue, "code": refusal.code,
                "reason": refusal.reason,
            ])
    }
}
