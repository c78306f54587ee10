public import Jobs

/// The round that is open, for people who watch.
public struct RoundProgress: Sendable, Hashable {
    /// The phases of a round.
    public enum Phase: String, Sendable, Hashable {
        /// Waits for a quorum, or for the cohort to be committed.
        case selecting
        /// Clients train.
        case training
        /// The updates are folded or committed.
        case aggregating
    }

    /// The round, from 0.
    public var round: Int
    /// The attempt, from 0.
    public var attempt: Int
    /// What is being done.
    public var phase: Phase
    /// The clients chosen, in order of their names; empty while selecting.
    public var cohort: [String]
    /// The clients whose updates are in, in order of their names.
    public var admitted: [String]
    /// The clients that gave none, with the reason, in order of their names.
    public var refusals: [TaskRefusal]
    /// The sum of the statistics so far.
    public var totals: TaskStatistics
    /// When the cohort was drawn, milliseconds since 1970; nil while selecting.
    public var startedAt: Int64?
    /// When updates are not waited for any longer, milliseconds since 1970; nil while selecting.
    public var deadline: Int64?
}

extension RoundEngine {
    /// What a client's result for the task is worth now. Ask before taking an update or a report, and commit it before
    /// anything else is handed to the engine.
    public func standing(of task: RoundTask, client: String) -> TaskStanding {
        guard !phase.isOver else { return .over }
        switch task.kind {
        case .train:
            if let buffer { return standing(of: task, client: client, in: buffer) }
            guard let open = phase.open, open.task == task else {
                return (task.round, task.attempt) < (completedRounds, phase.open?.record.attempt ?? failedAttempts)
                    ? .over : .notAsked
            }
            guard open.contains(client) else { return .notAsked }
            if open.updates[client] != nil { return .committed }
            if let refusal = open.refused[client] { return .refused(code: refusal.code, reason: refusal.reason) }
            if case .training = phase { return .wanted }
            return .over
        case .evaluate:
            guard let evaluation = evaluations[task.round] else {
                return task.round < completedRounds + study.committed ? .over : .notAsked
            }
            guard evaluation.record.evaluators.contains(client) else { return .notAsked }
            if evaluation.reports[client] != nil { return .committed }
            if let refusal = evaluation.refused[client] {
                return .refused(code: refusal.code, reason: refusal.reason)
            }
            return evaluation.isCommitting ? .over : .wanted
        }
    }

    /// What selection will know of the clients once a round that is being committed is durable.
    public func selectionHistory(after result: RoundResult) -> SelectionHistory {
        guard specification.usesHistory else { return history }
        var history = self.history
        history.take(result, arrivals: phase.open?.arrivals ?? [:])
        return history
    }

    /// The open round; nil when all rounds are done or the job is over.
    public var progress: RoundProgress? {
        switch phase {
        case .waiting where completedRounds < specification.rounds:
            if let buffer, hasBegun { return progress(buffer) }
            return RoundProgress(
                round: completedRounds, attempt: failedAttempts, phase: .selecting, cohort: [], admitted: [],
                refusals: [], totals: TaskStatistics(), startedAt: nil, deadline: nil)
        case .committingCohort(let open) where isOwnModels(open.record.round): return nil
        case .training(let open) where isOwnModels(open.record.round): return nil
        case .committingCohort(let open): return progress(open, .selecting)
        case .training(let open), .committingFailure(let open, _): return progress(open, .training)
        case .aggregating(let open, _, _), .committingRound(let open, _): return progress(open, .aggregating)
        case .waiting, .evaluating, .committingOwnModels, .committingEnd, .ended: return nil
        }
    }

    private func progress(_ open: OpenRound, _ phase: RoundProgress.Phase) -> RoundProgress {
        RoundProgress(
            round: open.record.round, attempt: open.record.attempt, phase: phase, cohort: open.record.cohort,
            admitted: Participants.sorted(open.updates.keys), refusals: open.refusals(unresolved: nil),
            totals: TaskStatistics.total(open.updates), startedAt: open.record.startedAt,
            deadline: open.record.deadline)
    }

    /// The rounds whose weights are being evaluated, ascending. Their weights must not be deleted.
    public var openEvaluations: [Int] { evaluations.keys.sorted() }

    /// What the job is doing or waiting for, in a sentence; for a paused or ended job the reason.
    public var summary: String {
        if isPaused || phase.isOver { return status.reason }
        switch phase {
        case .waiting where buffer != nil && hasBegun: return buffer.map(summary) ?? waitingSummary
        case .waiting, .committingCohort: return waitingSummary
        case .training(let open):
            let waiting = open.unresolved
            let names = waiting.prefix(3).joined(separator: ", ") + (waiting.count > 3 ? ", …" : "")
            let what = isOwnModels(open.record.round) ? "cross-site" : "round \(open.record.round)"
            let kind = isOwnModels(open.record.round) ? "sites' own models" : "updates"
            return "\(what): \(open.updates.count) of \(open.record.cohort.count) \(kind)"
                + (waiting.isEmpty ? "" : ", waits for \(names)")
        case .aggregating(let open, _, _), .committingRound(let open, _):
            return "round \(open.record.round): folds \(open.updates.count) updates"
        case .committingFailure(let open, let failure):
            return "round \(open.record.round), attempt \(open.record.attempt) failed: \(failure.reason)"
        case .committingOwnModels: return "cross-site: the sites' own models are in"
        case .evaluating:
            if let studySummary { return studySummary }
            let names = Participants.sorted(Set(evaluations.values.flatMap(\.unresolved)))
            return "waits for the last evaluation" + (names.isEmpty ? "" : " by \(names.joined(separator: ", "))")
        case .committingEnd, .ended: return status.reason
        }
    }

    /// Whether so many updates of a client were refused that it is not drawn any more.
    public func isQuarantined(_ client: String) -> Bool {
        guard let limit = specification.limits.quarantineAfter else { return false }
        return offences[client, default: 0] >= limit
    }

    private var waitingSummary: String {
        let missing = quorum - readyTrainers.count
        var text = "round \(completedRounds)"
        if failedAttempts > 0 { text += ", attempt \(failedAttempts)" }
        if missing > 0 {
            text +=
                ": waits for \(missing) more client\(missing == 1 ? "" : "s"), \(readyTrainers.count) of \(quorum) ready"
        } else if evaluations.count >= policy.maximumOpenEvaluations {
            text += ": waits for the evaluation of round \(evaluations.keys.min() ?? 0)"
        } else if !lostTrainers.isEmpty {
            text += ": waits a moment for \(Participants.sorted(lostTrainers).joined(separator: ", ")) to come back"
        } else if let privacy, privacy.settings.mechanism == .ftrl {
            text +=
                ": waits for \(quorum) clients of its group, one of \(privacy.separation) (privacy.separation), to be ready"
        } else {
            text += ": chooses its clients"
        }
        let quarantined = Participants.sorted(offences.keys.filter(isQuarantined))
        if !quarantined.isEmpty { text += "; left out: \(quarantined.joined(separator: ", "))" }
        if failedAttempts > 0, !lastFailure.isEmpty { text += "; before: \(lastFailure)" }
        return text
    }
}
