import Aggregation
import Jobs

/// What each event changes, before `advance` looks at the whole.
extension RoundEngine {
    // MARK: Life

    mutating func start(at time: Int64, _ actions: inout [RoundAction]) {
        guard !isStarted, !phase.isOver else { return }
        isStarted = true
        for (client, member) in members where !member.isReady {
            members[client]?.lostAt = time
            if isTrainer(client, member.examples) { lostTrainers.insert(client) }
        }
        // Named participants are waited for like lost ones, so that the first cohort does not depend on who comes first.
        for client in participants ?? [] where members[client] == nil {
            members[client] = Member(examples: [:], lostAt: time)
            lostTrainers.insert(client)
        }
        if status.state == .paused {
            pausedAt = pausedAt ?? time
            return
        }
        if let lastAlive { extendDeadlines(by: time - lastAlive, &actions) }
        if status.state != .running {
            status = JobStatus(.running)
            actions.append(.commitStatus(status))
        }
        // Clients that were there before the start wait for what the open round and evaluations want of them.
        offerOpenTasks(&actions)
    }

    mutating func pause(_ reason: String, at time: Int64, _ actions: inout [RoundAction]) {
        guard !phase.isOver, !isPaused else { return }
        pausedAt = time
        status = JobStatus(.paused, reason: reason)
        actions.append(.commitStatus(status))
    }

    mutating func resume(at time: Int64, _ actions: inout [RoundAction]) {
        guard !phase.isOver, let since = pausedAt else { return }
        pausedAt = nil
        status = JobStatus(.running)
        extendDeadlines(by: time - since, &actions)
        actions.append(.commitStatus(status))
        offerOpenTasks(&actions)
        if case .aggregating(let open, let order, isHeld: true) = phase {
            phase = .aggregating(open, order, isHeld: false)
            actions.append(.aggregate(order))
        }
    }

    mutating func statusCommitted(_ committed: JobStatus, _ actions: inout [RoundAction]) {
        guard case .committingEnd(let status, let tasks) = phase, committed == status else { return }
        phase = .ended(status)
        evaluations = [:]
        for open in tasks where members[open.client]?.isReady == true {
            actions.append(.cancel(open.task, client: open.client, reason: "the job is \(status.state.rawValue)"))
        }
    }

    private mutating func extendDeadlines(by milliseconds: Int64, _ actions: inout [RoundAction]) {
        guard milliseconds > 0 else { return }
        if case .training(var open) = phase {
            open.record.deadline += milliseconds
            phase = .training(open)
            actions.append(.commitDeadline(task: open.task, deadline: open.record.deadline))
        }
        for asked in buffer?.inOrder ?? [] {
            buffer?.asked[asked.client]?.deadline += milliseconds
            actions.append(.commitDeadline(task: asked.task, deadline: asked.deadline + milliseconds))
        }
        for round in evaluations.keys.sorted() {
            guard var evaluation = evaluations[round], !evaluation.isCommitting else { continue }
            evaluation.record.deadline += milliseconds
            evaluations[round] = evaluation
            actions.append(.commitDeadline(task: evaluation.task, deadline: evaluation.record.deadline))
        }
    }

    // MARK: Clients

    /// Whether the client may be drawn for training. The job's list of participants binds training alone; whoever
    /// declares the evaluation split may be asked to evaluate.
    private func isTrainer(_ client: String, _ examples: [String: Int]) -> Bool {
        examples["train", default: 0] > 0 && participants?.contains(client) ?? true && !isQuarantined(client)
    }

    mutating func ready(
        _ client: String, examples: [String: Int], holding: Set<RoundTask>, _ actions: inout [RoundAction]
    ) {
        members[client] = Member(examples: examples)
        lostTrainers.remove(client)
        if isTrainer(client, examples) { readyTrainers.insert(client) } else { readyTrainers.remove(client) }
        let held = holding.sorted {
            ($0.round, $0.attempt, $0.kind.rawValue) < ($1.round, $1.attempt, $1.kind.rawValue)
        }
        for task in held {
            switch standing(of: task, client: client) {
            case .wanted, .committed: break
            case .refused, .notAsked, .over:
                actions.append(.cancel(task, client: client, reason: "the round goes on without it"))
            }
        }
        guard isStarted, !isPaused else { return }
        for task in wantedTasks(of: client) where !holding.contains(task) { offer(task, to: client, &actions) }
    }

    mutating func lost(_ client: String, at time: Int64) {
        guard let member = members[client], member.isReady else { return }
        members[client]?.lostAt = time
        if readyTrainers.remove(client) != nil { lostTrainers.insert(client) }
    }

    mutating func revoked(_ client: String, _ actions: inout [RoundAction]) {
        let refusal = TaskRefusal(client: client, code: "revoked", reason: "the client's certificate was revoked")
        for task in wantedTasks(of: client) { refused(task, refusal, isDeclined: false, &actions) }
        members[client] = nil
        readyTrainers.remove(client)
        lostTrainers.remove(client)
    }

    private func wantedTasks(of client: String) -> [RoundTask] {
        var tasks: [RoundTask] = []
        if case .training(let open) = phase, open.contains(client), open.isUnresolved(client) {
            tasks.append(open.task)
        }
        if let asked = buffer?.asked[client] { tasks.append(asked.task) }
        for (_, evaluation) in evaluations.sorted(by: { $0.key < $1.key })
        where !evaluation.isCommitting && evaluation.record.evaluators.contains(client)
            && evaluation.isUnresolved(client)
        {
            tasks.append(evaluation.task)
        }
        return tasks
    }

    // MARK: Rounds

    mutating func cohortCommitted(_ round: Int, _ attempt: Int, _ actions: inout [RoundAction]) {
        guard case .committingCohort(let open) = phase, open.record.round == round, open.record.attempt == attempt
        else { return }
        if buffer != nil { return drawCommitted(open.record, &actions) }
        phase = .training(open)
        history.notePresent(open.record.present)
        // A client that was revoked while the cohort was on its way into the store owes an answer it cannot give.
        for client in open.record.cohort where members[client] == nil {
            let refusal = TaskRefusal(client: client, code: "revoked", reason: "the client's certificate was revoked")
            refused(open.task, refusal, isDeclined: false, &actions)
        }
        guard !isPaused else { return }
        for client in open.record.cohort where members[client]?.isReady == true {
            offer(open.task, to: client, &actions)
        }
    }

    mutating func updateCommitted(
        _ client: String, _ task: RoundTask, _ statistics: TaskStatistics, at time: Int64
    ) {
        if buffer != nil {
            if standing(of: task, client: client) == .wanted { buffer?.take(client, statistics, at: time) }
            return
        }
        guard case .training(var open) = phase, open.task == task, open.contains(client), open.isUnresolved(client)
        else { return }
        // The phase lets go of the round first, so that its tables are changed in place.
        phase = .waiting
        open.updates[client] = statistics
        open.arrivals[client] = time
        phase = .training(open)
    }

    mutating func refused(
        _ task: RoundTask, _ refusal: TaskRefusal, isDeclined: Bool, _ actions: inout [RoundAction]
    ) {
        guard standing(of: task, client: refusal.client) == .wanted else { return }
        var refusal = refusal
        switch task.kind {
        case .train:
            if !isDeclined, AdmissionRules.offences.contains(refusal.code) { count(&refusal) }
            if buffer != nil {
                buffer?.refuse(refusal, of: task)
                if isDeclined { declined.insert(refusal.client) }
                break
            }
            guard case .training(var open) = phase else { return }
            phase = .waiting
            open.refused[refusal.client] = refusal
            phase = .training(open)
            if isDeclined { declined.insert(refusal.client) }
        case .evaluate:
            evaluations[task.round]?.refused[refusal.client] = refusal
        }
        actions.append(.commitRefusal(task: task, refusal: refusal, isDeclined: isDeclined))
    }

    /// Counts an offence; the one that reaches the job's limit says so.
    private mutating func count(_ refusal: inout TaskRefusal) {
        offences[refusal.client, default: 0] += 1
        guard isQuarantined(refusal.client) else { return }
        readyTrainers.remove(refusal.client)
        refusal.reason += "; left out of further rounds after \(offences[refusal.client] ?? 0) refused updates"
    }

    mutating func attemptAborted(
        _ round: Int, _ attempt: Int, _ reason: String, at time: Int64, _ actions: inout [RoundAction]
    ) {
        guard case .training(let open) = phase, open.record.round == round, open.record.attempt == attempt,
            buffer == nil
        else { return }
        fail(open, reason: reason, isOverdue: false, at: time, &actions)
    }

    mutating func failureCommitted(_ round: Int, _ attempt: Int, _ actions: inout [RoundAction]) {
        guard case .committingFailure(let open, let failure) = phase, failure.round == round,
            failure.attempt == attempt
        else { return }
        if let privacy, privacy.chargesFailures, let charge = open.record.charge {
            self.privacy?.committed(charge, nextClipNorm: nil)
        }
        failedInRound.formUnion(failure.refusals.map(\.client))
        failedAttempts = attempt + 1
        lastFailure = failure.reason
        phase = .waiting
        cancel(open.task, at: open.unresolved, reason: "the round is tried again", &actions)
    }

    mutating func aggregated(
        _ round: Int, _ attempt: Int, _ digest: String, _ report: AggregationReport?, _ nextClipNorm: Double?,
        at time: Int64,
        _ actions: inout [RoundAction]
    ) {
        guard case .aggregating(let open, let order, _) = phase, order.round == round, order.attempt == attempt
        else { return }
        var admitted = report.map(order.updates.weighed) ?? order.updates
        for index in admitted.indices {
            admitted[index].weight = admitted[index].weight.map { $0 * discount(of: admitted[index], in: round) }
        }
        let result = RoundResult(
            round: round, attempt: attempt, cohort: open.record.cohort, admitted: admitted,
            refusals: open.refusals(unresolved: hasTarget(open) ? TaskRefusal.surplus : TaskRefusal.deadline),
            totals: TaskStatistics.total(open.updates),
            baseDigest: weightsDigest, weightsDigest: digest, startedAt: open.record.startedAt, completedAt: time,
            evaluation: evaluation(of: order, digest: digest, at: time), charge: open.record.charge,
            nextClipNorm: nextClipNorm
        )
        phase = .committingRound(open, result)
        actions.append(.commitRound(result))
    }

    private func evaluation(of order: AggregationOrder, digest: String, at time: Int64) -> EvaluationRecord? {
        guard specification.isEvaluated(round: order.round) else { return nil }
        let patience = specification.evaluationDeadlineMilliseconds
        let evaluators = members.filter { _, member in
            member.examples[specification.evaluation.split, default: 0] > 0
                // Who trains in the job would withhold what it counts; who only holds test data has no update to hide.
                && !(specification.withholdsFigures && member.examples["train", default: 0] > 0)
                && isPresent(member, at: time, for: patience)
        }
        guard !evaluators.isEmpty else { return nil }
        return EvaluationRecord(
            round: order.round, attempt: order.attempt, weightsDigest: digest,
            evaluators: Participants.sorted(evaluators.keys), deadline: time + patience
        )
    }

    mutating func aggregationFailed(
        _ round: Int, _ attempt: Int, _ reason: String, _ refusals: [TaskRefusal], at time: Int64,
        _ actions: inout [RoundAction]
    ) {
        guard case .aggregating(var open, let order, _) = phase, order.round == round, order.attempt == attempt
        else { return }
        let isOverdue = !hasTarget(open)
        for var refusal in refusals where open.updates.removeValue(forKey: refusal.client) != nil {
            if AdmissionRules.offences.contains(refusal.code) { count(&refusal) }
            open.refused[refusal.client] = refusal
            actions.append(.commitRefusal(task: open.task, refusal: refusal, isDeclined: false))
        }
        if buffer != nil {
            return end(JobStatus(.failed, reason: "version \(round + 1): aggregation failed: \(reason)"), &actions)
        }
        fail(open, reason: "aggregation failed: \(reason)", isOverdue: isOverdue, at: time, &actions)
    }

    mutating func aggregationHeld(
        _ round: Int, _ attempt: Int, _ reason: String, at time: Int64, _ actions: inout [RoundAction]
    ) {
        guard case .aggregating(let open, let order, _) = phase, order.round == round, order.attempt == attempt
        else { return }
        phase = .aggregating(open, order, isHeld: true)
        pause(reason, at: time, &actions)
    }

    mutating func roundCommitted(_ round: Int, _ actions: inout [RoundAction]) {
        guard case .committingRound(let open, let result) = phase, result.round == round else { return }
        completedRounds = round + 1
        if specification.isStudied(round: round) {
            study.lastRound = AggregationOrder(
                round: round, attempt: result.attempt, weightsDigest: result.baseDigest, updates: result.admitted)
        }
        buffer?.folded(result)
        history = selectionHistory(after: result)
        weightsDigest = result.weightsDigest
        if let charge = result.charge { privacy?.committed(charge, nextClipNorm: result.nextClipNorm) }
        failedAttempts = 0
        failedInRound = []
        lastFailure = ""
        phase = .waiting
        let reason = hasTarget(open) ? "the round has enough updates" : "the deadline has passed"
        cancel(open.task, at: open.unresolved, reason: reason, &actions)
        guard let record = result.evaluation else { return }
        begin(record, &actions)
    }

    /// Opens a committed evaluation and asks those of its clients that are there.
    mutating func begin(_ record: EvaluationRecord, _ actions: inout [RoundAction]) {
        let evaluation = OpenEvaluation(record: record)
        evaluations[record.round] = evaluation
        // A client that was revoked while the round was on its way into the store owes an answer it cannot give.
        for client in record.evaluators where members[client] == nil {
            let refusal = TaskRefusal(client: client, code: "revoked", reason: "the client's certificate was revoked")
            refused(evaluation.task, refusal, isDeclined: false, &actions)
        }
        guard !isPaused else { return }
        for client in record.evaluators where members[client]?.isReady == true {
            offer(evaluation.task, to: client, &actions)
        }
    }

    // MARK: Evaluations

    mutating func evaluationReported(_ client: String, _ round: Int, _ statistics: TaskStatistics) {
        guard var evaluation = evaluations[round], standing(of: evaluation.task, client: client) == .wanted
        else { return }
        evaluation.reports[client] = statistics
        evaluations[round] = evaluation
    }

    mutating func evaluationCommitted(_ round: Int, _ actions: inout [RoundAction]) {
        guard let evaluation = evaluations[round], evaluation.isCommitting else { return }
        evaluations[round] = nil
        if isOwnModels(round) { study.late.formUnion(evaluation.unresolved) }
        cancel(evaluation.task, at: evaluation.unresolved, reason: "the deadline has passed", &actions)
    }
}

extension [AdmittedUpdate] {
    /// These with what a fold's report says of them.
    fileprivate func weighed(_ report: AggregationReport) -> [AdmittedUpdate] {
        let weights = Dictionary(report.contributions.map { ($0.clientID, $0.weight) }) { first, _ in first }
        let reasons = Dictionary(report.leftOut.map { ($0.clientID, $0.reason) }) { first, _ in first }
        return map { update in
            AdmittedUpdate(
                client: update.client, statistics: update.statistics, weight: weights[update.client],
                leftOut: reasons[update.client], startedFrom: update.startedFrom, draw: update.draw)
        }
    }
}
