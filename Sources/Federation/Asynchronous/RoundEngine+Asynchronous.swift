import Jobs

/// How an asynchronous job goes on: see ``AsynchronousSettings`` and ``UpdateBuffer``.
///
/// Whenever a client's task is over, another is drawn, among the ready ones that neither train nor have an update waiting; those
/// that gave none since the version began come back in when there is nobody else. The first draw waits for
/// `max(clients.minimum, buffer)` clients. A task has the job's `deadline` for itself. A version without its updates after
/// `attempts` × `concurrency` tasks that came to nothing ends the job.
extension RoundEngine {
    /// Whether clients of an asynchronous job have been drawn: from then on nobody is waited for.
    var hasBegun: Bool { completedRounds > 0 || (buffer?.draws ?? 0) > 0 }

    /// What is done between two commits.
    mutating func advanceBuffer(
        _ settings: AsynchronousSettings, at time: Int64, _ actions: inout [RoundAction]
    ) {
        giveUp(settings, at: time, &actions)
        guard let buffer else { return }
        let most = specification.attempts * settings.concurrency
        if buffer.failures >= most, buffer.updates.count < settings.buffer {
            let last = buffer.refused.values.map(\.refusal).inOrder().first
            let example = last.map { ", \($0.client): \($0.reason)" } ?? ""
            end(
                JobStatus(
                    .failed,
                    reason: "version \(completedRounds + 1): \(buffer.failures) tasks without an update, "
                        + "\(buffer.updates.count) of \(settings.buffer) updates\(example)"), &actions)
        } else if buffer.updates.count >= settings.buffer {
            guard evaluations.count < policy.maximumOpenEvaluations else { return }
            fold(buffer, settings, at: time, &actions)
        } else {
            ask(buffer, settings, at: time, &actions)
        }
    }

    /// Refuses what is overdue or too old, whether it is under way or waits.
    private mutating func giveUp(
        _ settings: AsynchronousSettings, at time: Int64, _ actions: inout [RoundAction]
    ) {
        guard let buffer else { return }
        let started = buffer.asked.mapValues(\.task).merging(buffer.updates.mapValues(\.task)) { first, _ in first }
        for client in Participants.sorted(started.keys) {
            guard let task = started[client] else { continue }
            let staleness = completedRounds - task.round
            let refusal: TaskRefusal
            if let most = settings.maximumStaleness, staleness > most {
                refusal = .stale(client, staleness, most: most)
            } else if let asked = buffer.asked[client], time >= asked.deadline {
                refusal = .deadline(client)
            } else {
                continue
            }
            self.buffer?.refuse(refusal, of: task)
            actions.append(.commitRefusal(task: task, refusal: refusal, isDeclined: false))
            if buffer.asked[client] != nil { cancel(task, at: [client], reason: refusal.reason, &actions) }
        }
    }

    /// Folds the updates that came first.
    private mutating func fold(
        _ buffer: UpdateBuffer, _ settings: AsynchronousSettings, at time: Int64, _ actions: inout [RoundAction]
    ) {
        let first = buffer.updates.sorted {
            $0.value.arrivedAt == $1.value.arrivedAt
                ? Participants.precedes($0.key, $1.key) : $0.value.arrivedAt < $1.value.arrivedAt
        }.prefix(settings.buffer)
        let updates = Dictionary(uniqueKeysWithValues: first.map { ($0.key, $0.value.statistics) })
        let refused = buffer.refused.filter { updates[$0.key] == nil }.mapValues(\.refusal)
        // A version is folded once: it has no attempts. Its cohort is those who gave or owed it something.
        let record = CohortRecord(
            round: completedRounds, attempt: 0, cohort: Participants.sorted(Array(updates.keys) + refused.keys),
            startedAt: buffer.startedAt ?? time, deadline: time)
        let order = AggregationOrder(
            round: completedRounds, attempt: 0, weightsDigest: weightsDigest,
            updates: Participants.sorted(updates.keys).compactMap { client in
                buffer.updates[client].map {
                    AdmittedUpdate(
                        client: client, statistics: $0.statistics, startedFrom: $0.task.round, draw: $0.task.attempt)
                }
            })
        phase = .aggregating(OpenRound(record: record, updates: updates, refused: refused), order, isHeld: false)
        actions.append(.aggregate(order))
    }

    /// Draws clients for the places that are free.
    private mutating func ask(
        _ buffer: UpdateBuffer, _ settings: AsynchronousSettings, at time: Int64, _ actions: inout [RoundAction]
    ) {
        let free = settings.concurrency - buffer.asked.count
        guard free > 0, readyTrainers.count >= quorum, hasBegun || !isAwaiting(at: time) else { return }
        let idle = readyTrainers.filter { buffer.asked[$0] == nil && buffer.updates[$0] == nil }
        let willing = idle.subtracting(declined)
        let best = willing.filter { buffer.refused[$0] == nil }
        // Who was only slow did not fail. Who gave nothing for this version is asked again only when nobody else is at work: one
        // client that fails at once would otherwise use up the job's patience while the others train.
        let slow = willing.filter { buffer.refused[$0]?.refusal.countsAsFailure == false }
        let failed = !buffer.asked.isEmpty ? [] : !willing.isEmpty ? willing : idle
        let candidates = !best.isEmpty ? best : !slow.isEmpty ? slow : failed
        guard !candidates.isEmpty else { return }
        let drawn = CohortSelection.draw(
            seed: specification.seed, round: completedRounds, attempt: buffer.draws, candidates: candidates,
            count: free, sampling: sampling, examples: { members[$0]?.examples["train"] ?? 0 })
        let record = CohortRecord(
            round: completedRounds, attempt: buffer.draws, cohort: drawn, startedAt: time,
            deadline: time + specification.deadlineMilliseconds)
        phase = .committingCohort(OpenRound(record: record))
        actions.append(.commitCohort(record))
    }

    /// Takes a draw that is durable.
    mutating func drawCommitted(_ record: CohortRecord, _ actions: inout [RoundAction]) {
        phase = .waiting
        buffer?.draws = record.attempt + 1
        if buffer?.startedAt == nil { buffer?.startedAt = record.startedAt }
        for client in record.cohort {
            buffer?.refused[client] = nil
            buffer?.asked[client] = UpdateBuffer.Asked(
                client: client, round: record.round, attempt: record.attempt, weightsDigest: weightsDigest,
                startedAt: record.startedAt, deadline: record.deadline)
        }
        let task = RoundTask(.train, round: record.round, attempt: record.attempt)
        // A client that was revoked while the draw was on its way into the store owes an answer it cannot give.
        for client in record.cohort where members[client] == nil {
            let refusal = TaskRefusal(client: client, code: "revoked", reason: "the client's certificate was revoked")
            refused(task, refusal, isDeclined: false, &actions)
        }
        guard !isPaused else { return }
        for client in record.cohort where members[client]?.isReady == true { offer(task, to: client, &actions) }
    }

    /// Tells the clients that still train that the last version is made.
    mutating func dismissAsked(_ actions: inout [RoundAction]) {
        for asked in buffer?.inOrder ?? [] {
            cancel(asked.task, at: [asked.client], reason: "the last version is made", &actions)
        }
        buffer?.asked = [:]
    }

    /// What a client's result for a training task is worth now.
    func standing(of task: RoundTask, client: String, in buffer: UpdateBuffer) -> TaskStanding {
        if buffer.asked[client]?.task == task { return .wanted }
        if buffer.updates[client]?.task == task { return .committed }
        if let refused = buffer.refused[client], refused.task == task {
            return .refused(code: refused.refusal.code, reason: refused.refusal.reason)
        }
        return (task.round, task.attempt) < (completedRounds, buffer.draws) ? .over : .notAsked
    }

    /// The open version, for people who watch.
    func progress(_ buffer: UpdateBuffer) -> RoundProgress {
        RoundProgress(
            round: completedRounds, attempt: 0, phase: buffer.asked.isEmpty ? .selecting : .training,
            cohort: Participants.sorted(Array(buffer.asked.keys) + buffer.updates.keys),
            admitted: Participants.sorted(buffer.updates.keys),
            refusals: buffer.refused.values.map(\.refusal).inOrder(),
            totals: TaskStatistics.total(buffer.updates.mapValues(\.statistics)), startedAt: buffer.startedAt,
            deadline: buffer.asked.values.map(\.deadline).min())
    }

    /// The digest of the weights that a wanted training task starts from; nil in an asynchronous job when the client does
    /// not have the task in its hands.
    public func startingWeights(of task: RoundTask, client: String) -> String? {
        guard let buffer else { return weightsDigest }
        return buffer.asked[client].flatMap { $0.task == task ? $0.weightsDigest : nil }
    }

    /// What an asynchronous job does between two versions, in a sentence.
    func summary(_ buffer: UpdateBuffer) -> String {
        let (done, under) = (buffer.updates.count, buffer.asked.count)
        var text =
            "version \(completedRounds + 1): \(done) of \(asynchronous?.buffer ?? 0) updates, \(under) clients train"
        let oldest = buffer.asked.values.map { completedRounds - $0.round }.max() ?? 0
        if oldest > 0 { text += ", the slowest from \(oldest) version\(oldest == 1 ? "" : "s") ago" }
        if done >= asynchronous?.buffer ?? 0, evaluations.count >= policy.maximumOpenEvaluations {
            text += "; waits for the evaluation of round \(evaluations.keys.min() ?? 0)"
        }
        return text
    }

    /// The buffer once a version that is being committed is durable; nil for a job with rounds.
    public func buffer(after result: RoundResult) -> UpdateBuffer? {
        var buffer = buffer
        buffer?.folded(result)
        return buffer
    }

    /// What an update of a version is multiplied with: 1 for a job with rounds.
    public func discount(of update: AdmittedUpdate, in round: Int) -> Double {
        guard let asynchronous, let started = update.startedFrom else { return 1 }
        return asynchronous.discount(staleness: round - started)
    }
}
