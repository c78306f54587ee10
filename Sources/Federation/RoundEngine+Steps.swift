import Jobs

/// What the engine does by itself when its state allows it. Every step but the opening of the evaluation phase ends in an
/// action that waits for an answer, so the loop ends.
extension RoundEngine {
    mutating func advance(at time: Int64, _ actions: inout [RoundAction]) {
        guard isStarted, !phase.isOver else { return }
        closeEvaluations(at: time, &actions)
        guard !isPaused else { return }
        switch phase {
        case .waiting where completedRounds >= specification.rounds || exhaustion != nil:
            if askForOwnModels(at: time, &actions) { break }
            phase = .evaluating
            dismissAsked(&actions)
            advance(at: time, &actions)
        case .waiting where asynchronous != nil:
            if let asynchronous { advanceBuffer(asynchronous, at: time, &actions) }
        case .waiting where failedAttempts >= specification.attempts:
            let times = failedAttempts == 1 ? "once" : "\(failedAttempts) times"
            end(
                JobStatus(.failed, reason: "round \(completedRounds) failed \(times), last: \(lastFailure)"), &actions)
        case .waiting:
            drawCohort(at: time, &actions)
            if exhaustion != nil { advance(at: time, &actions) }
        case .training(let open): judge(open, at: time, &actions)
        case .evaluating:
            advanceStudy(&actions)
            if evaluations.isEmpty, isStudyComplete { end(conclusion, &actions) }
        default: break
        }
    }

    private var conclusion: JobStatus {
        guard let exhaustion else { return JobStatus(.finished, reason: "\(completedRounds) rounds completed") }
        return JobStatus(
            completedRounds > 0 ? .finished : .failed, reason: "\(completedRounds) rounds completed: \(exhaustion)")
    }

    private mutating func drawCohort(at time: Int64, _ actions: inout [RoundAction]) {
        guard readyTrainers.count >= quorum, evaluations.count < policy.maximumOpenEvaluations,
            !isAwaiting(at: time)
        else { return }
        let choose = { [self] (candidates: [String]) in
            CohortSelection.draw(
                seed: specification.seed, round: completedRounds, attempt: failedAttempts, candidates: candidates,
                count: specification.clients.perRound, sampling: sampling,
                examples: { members[$0]?.examples["train"] ?? 0 }, history: history)
        }
        let cohort: [String]
        var charge: RoundCharge?
        if let privacy {
            let draw = privacy.draw(
                specification, round: completedRounds, attempt: failedAttempts,
                candidates: Participants.sorted(candidates), quorum: quorum,
                examples: { members[$0]?.examples["train"] ?? 0 }, choose: choose)
            switch draw {
            case .cohort(let drawn, let cost):
                cohort = drawn
                charge = cost
            case .exhausted(let reason):
                exhaustion = reason
                return
            case .short: return
            }
        } else {
            cohort = choose(Array(candidates))
        }
        let record = CohortRecord(
            round: completedRounds, attempt: failedAttempts, cohort: cohort, startedAt: time,
            deadline: time + deadlineMilliseconds, charge: charge,
            present: sampling.usesPresence ? Participants.sorted(readyTrainers) : []
        )
        phase = .committingCohort(OpenRound(record: record))
        actions.append(.commitCohort(record))
    }

    /// How long the round to be drawn may take: see ``AdaptiveDeadline``.
    private var deadlineMilliseconds: Int64 {
        guard let adaptiveDeadline, failedAttempts == 0 else { return specification.deadlineMilliseconds }
        let times = history.entries.values.compactMap { $0.lastRound == nil ? nil : $0.milliseconds }
        return adaptiveDeadline.milliseconds(after: times, most: specification.deadlineMilliseconds)
    }

    /// How the job draws; the population of Poisson sampling is filled in where the job says it elsewhere. An invalid map,
    /// which `validated()` refuses, draws uniformly.
    static func sampling(of specification: JobSpecification) -> SamplingSettings {
        guard var sampling = try? SamplingSettings(specification.clients.sampling.settings) else { return .uniform }
        sampling.population = sampling.population ?? specification.population
        return sampling
    }

    /// Whether a client that might be drawn was lost so recently that it is waited for.
    func isAwaiting(at time: Int64) -> Bool {
        lostTrainers.contains { name in
            members[name]?.lostAt.map { $0 + policy.settleMilliseconds > time } ?? false
        }
    }

    /// The ready participants that may be drawn; see `RoundEngine` for who is left out.
    private var candidates: Set<String> {
        // Most often nobody is left out: then no table of the whole fleet is made.
        let willing = declined.isEmpty ? readyTrainers : readyTrainers.subtracting(declined)
        let best = failedInRound.isEmpty ? willing : willing.subtracting(failedInRound)
        if best.count >= quorum { return best }
        return willing.count >= quorum ? willing : readyTrainers
    }

    /// Whether so many updates are in that nobody else is waited for.
    func hasTarget(_ open: OpenRound) -> Bool {
        specification.clients.targetUpdates.map { open.updates.count >= $0 } ?? false
    }

    /// How many updates make a round: `minimumUpdates`, but of a private Poisson sample, which may be smaller and empty, all:
    /// its noise is released all the same.
    private func needed(of record: CohortRecord) -> Int {
        guard !isOwnModels(record.round) else { return 0 }
        let wanted = specification.clients.minimumUpdates
        return privacy?.hasRandomSize == true ? min(wanted, record.cohort.count) : wanted
    }

    /// Decides whether the open round is complete, has failed, or goes on.
    private mutating func judge(_ open: OpenRound, at time: Int64, _ actions: inout [RoundAction]) {
        guard !isOwnModels(open.record.round) else { return judgeOwnModels(open, at: time, &actions) }
        let needed = needed(of: open.record)
        let isOverdue = time >= open.record.deadline
        if open.isResolved || isOverdue || hasTarget(open), open.updates.count >= needed {
            let order = AggregationOrder(
                round: open.record.round, attempt: open.record.attempt, weightsDigest: weightsDigest,
                updates: Participants.sorted(open.updates.keys).compactMap { client in
                    open.updates[client].map { AdmittedUpdate(client: client, statistics: $0) }
                },
                charge: open.record.charge
            )
            phase = .aggregating(open, order, isHeld: false)
            actions.append(.aggregate(order))
        } else if isOverdue || open.record.cohort.count - open.refused.count < needed {
            var reason = "\(open.updates.count) of at least \(needed) updates"
            if open.record.cohort.count < needed {
                reason = "the draw gave \(open.record.cohort.count) clients, at least \(needed) are needed"
            }
            if isOverdue { reason += " at the deadline" }
            if let first = open.refusals(unresolved: nil).first {
                reason += "; \(first.client): \(first.reason)"
            }
            fail(open, reason: reason, isOverdue: isOverdue, at: time, &actions)
        }
    }

    mutating func fail(
        _ open: OpenRound, reason: String, isOverdue: Bool, at time: Int64, _ actions: inout [RoundAction]
    ) {
        let late: ((String) -> TaskRefusal)? = isOverdue ? { .deadline($0) } : nil
        let failure = FailedAttempt(
            round: open.record.round, attempt: open.record.attempt, reason: reason,
            refusals: open.refusals(unresolved: late), failedAt: time
        )
        phase = .committingFailure(open, failure)
        actions.append(.commitAttemptFailure(failure))
    }

    private mutating func closeEvaluations(at time: Int64, _ actions: inout [RoundAction]) {
        for round in evaluations.keys.sorted() {
            guard let evaluation = evaluations[round], !evaluation.isCommitting else { continue }
            let isOverdue = !isPaused && time >= evaluation.record.deadline
            guard evaluation.isResolved || isOverdue else { continue }
            evaluations[round]?.isCommitting = true
            actions.append(.commitEvaluation(evaluation.result))
        }
    }

    /// Ends the job: its state is committed first, then its tasks are cancelled.
    mutating func end(_ status: JobStatus, _ actions: inout [RoundAction]) {
        guard !phase.isOver else { return }
        phase = .committingEnd(status, cancelling: openTasks)
        self.status = status
        pausedAt = nil
        actions.append(.commitStatus(status))
    }

    /// The tasks whose results are still wanted.
    private var openTasks: [OpenTask] {
        var tasks: [OpenTask] = []
        if case .training(let open) = phase {
            tasks += open.unresolved.map { OpenTask(task: open.task, client: $0) }
        }
        tasks += buffer?.inOrder.map { OpenTask(task: $0.task, client: $0.client) } ?? []
        for (_, evaluation) in evaluations.sorted(by: { $0.key < $1.key }) where !evaluation.isCommitting {
            tasks += evaluation.unresolved.map { OpenTask(task: evaluation.task, client: $0) }
        }
        return tasks
    }

    /// Offers every wanted task to those of its clients that are ready.
    func offerOpenTasks(_ actions: inout [RoundAction]) {
        for open in openTasks where members[open.client]?.isReady == true {
            offer(open.task, to: open.client, &actions)
        }
    }

    func offer(_ task: RoundTask, to client: String, _ actions: inout [RoundAction]) {
        switch task.kind {
        case .train where buffer != nil:
            guard let asked = buffer?.asked[client], asked.task == task else { return }
            let offer = TaskOffer(task: task, weightsDigest: asked.weightsDigest, deadline: asked.deadline)
            actions.append(.offer(offer, client: client))
        case .train:
            // A draw that is too small for a round fails without asking anybody.
            guard let record = phase.open?.record, record.cohort.count >= needed(of: record)
            else { return }
            actions.append(
                .offer(TaskOffer(task: task, weightsDigest: weightsDigest, deadline: record.deadline), client: client))
        case .evaluate:
            guard let record = evaluations[task.round]?.record else { return }
            actions.append(
                .offer(
                    TaskOffer(task: task, weightsDigest: record.weightsDigest, deadline: record.deadline),
                    client: client))
        }
    }

    func cancel(_ task: RoundTask, at clients: [String], reason: String, _ actions: inout [RoundAction]) {
        for client in clients where members[client]?.isReady == true {
            actions.append(.cancel(task, client: client, reason: reason))
        }
    }
}
