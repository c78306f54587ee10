import Jobs

/// What follows the rounds: the sites' own models, and the evaluation of these and of coalitions.
///
/// For a **cross-site evaluation** the sites train once more from the last weights: a task of the round that would come
/// next, with a cohort that is committed and updates that are spooled and admitted like those of any round. They are not
/// folded together: each makes a model of its own, which every site evaluates. A site that declines, fails or is late has
/// none; nobody's failure fails the job. **Contribution scores** need the models that the last round would have given with
/// fewer updates.
///
/// The models are made one after the other, and as many are open at once as evaluations may be. A site that is not there,
/// or has missed the deadline of an earlier model, is not asked: its place stays empty.
extension RoundEngine {
    /// Whether a round is the one in which sites train their own models.
    func isOwnModels(_ round: Int) -> Bool { round >= specification.rounds }

    private var isStudied: Bool {
        (specification.crossSite != nil || specification.contributions != nil) && exhaustion == nil
    }

    /// Whether nothing of the study is left to begin.
    var isStudyComplete: Bool {
        !isStudied || (study.open == nil && study.models.map { study.committed >= $0.count } ?? false)
    }

    // MARK: The sites' own models

    /// Asks the sites for their models, unless they were asked.
    mutating func askForOwnModels(at time: Int64, _ actions: inout [RoundAction]) -> Bool {
        guard isStudied, let selection = specification.crossSite, study.own == nil else { return false }
        // Named participants that never came have no examples.
        let present = members.filter { _, member in
            isPresent(member, at: time, for: specification.deadlineMilliseconds)
                && ["train", specification.evaluation.split].contains { member.examples[$0, default: 0] > 0 }
        }
        let sites = selection.chosen(among: Participants.sorted(present.keys)).filter {
            members[$0]?.examples["train", default: 0] ?? 0 > 0
                && (readyTrainers.contains($0) || lostTrainers.contains($0))
        }
        let record = CohortRecord(
            round: specification.rounds, attempt: 0, cohort: sites, startedAt: time,
            deadline: time + specification.deadlineMilliseconds)
        phase = .committingCohort(OpenRound(record: record))
        actions.append(.commitCohort(record))
        return true
    }

    /// Whether a client is there, or was lost for less than a time.
    func isPresent(_ member: Member, at time: Int64, for patience: Int64) -> Bool {
        member.lostAt.map { time - $0 < patience } ?? true
    }

    /// Goes on when every site has answered, or cannot any more.
    mutating func judgeOwnModels(_ open: OpenRound, at time: Int64, _ actions: inout [RoundAction]) {
        guard open.isResolved || time >= open.record.deadline else { return }
        let result = OwnModelsResult(
            round: open.record.round,
            updates: Participants.sorted(open.updates.keys).compactMap { client in
                open.updates[client].map { AdmittedUpdate(client: client, statistics: $0) }
            },
            refusals: open.refusals(unresolved: TaskRefusal.deadline), completedAt: time)
        phase = .committingOwnModels(open, result)
        actions.append(.commitOwnModels(result))
    }

    mutating func ownModelsCommitted(_ actions: inout [RoundAction]) {
        guard case .committingOwnModels(let open, let result) = phase else { return }
        study.own = result.updates
        phase = .waiting
        cancel(open.task, at: open.unresolved, reason: "the deadline has passed", &actions)
    }

    // MARK: Models

    /// Has the next model made, while there are some and not too many are being evaluated.
    mutating func advanceStudy(_ actions: inout [RoundAction]) {
        guard isStudied else { return }
        let models = study.models ?? study.models(of: specification)
        study.models = models
        guard study.open == nil, evaluations.count < policy.maximumOpenEvaluations, study.committed < models.count
        else { return }
        let order = order(study.committed, models[study.committed])
        study.open = .making(order)
        actions.append(.makeModel(order))
    }

    private func order(_ number: Int, _ model: StudiedModel) -> ModelOrder {
        var order = ModelOrder(number: number, model: model, weightsDigest: weightsDigest, fold: nil)
        switch model.kind {
        case .global: break
        case .site:
            order.fold = AggregationOrder(
                round: specification.rounds, attempt: 0, weightsDigest: weightsDigest,
                updates: (study.own ?? []).filter { model.clients.contains($0.client) })
        case .coalition:
            guard var fold = study.lastRound, model.clients.count < fold.updates.count else { break }
            order.weightsDigest = fold.weightsDigest
            guard !model.clients.isEmpty else { break }
            let members = Set(model.clients)
            fold.updates.removeAll { !members.contains($0.client) }
            order.fold = fold
        }
        return order
    }

    mutating func modelMade(_ number: Int, _ made: MadeModel, at time: Int64, _ actions: inout [RoundAction]) {
        guard case .making(let order) = study.open, order.number == number else { return }
        var record = StudyRecord(
            model: order.model,
            evaluation: EvaluationRecord(
                round: specification.rounds + number, attempt: 0, weightsDigest: order.weightsDigest, evaluators: [],
                deadline: time))
        switch made {
        case .failed(let reason): record.failure = reason
        case .made(let digest):
            // A client does one task after another, so the last of several has the time of all.
            let patience = specification.evaluationDeadlineMilliseconds
            record.evaluation.weightsDigest = digest
            record.evaluation.deadline = time + patience * Int64(evaluations.count + 1)
            record.evaluation.evaluators = evaluators(of: order.model, at: time)
        }
        study.open = .committing(record)
        actions.append(.commitStudy(record))
    }

    /// Those that were there for the first model of this kind, are still, and were not late.
    private func evaluators(of model: StudiedModel, at time: Int64) -> [String] {
        let present = Participants.sorted(
            members.filter {
                $0.value.examples[specification.evaluation.split, default: 0] > 0
                    && isPresent($0.value, at: time, for: specification.evaluationDeadlineMilliseconds)
            }.keys)
        let first: [String]
        if let known = model.isAcross ? study.sites : study.jury {
            first = known
        } else {
            first = model.isAcross ? specification.crossSite?.chosen(among: present) ?? [] : present
        }
        let wanted = Set(first).subtracting(study.late)
        return present.filter(wanted.contains)
    }

    mutating func modelHeld(_ number: Int, _ reason: String, at time: Int64, _ actions: inout [RoundAction]) {
        guard case .making(let order) = study.open, order.number == number else { return }
        // It is asked for again when the job goes on.
        study.open = nil
        pause(reason, at: time, &actions)
    }

    mutating func studyCommitted(_ round: Int, _ actions: inout [RoundAction]) {
        guard case .committing(let record) = study.open, record.evaluation.round == round else { return }
        study.open = nil
        study.committed += 1
        guard record.failure == nil else { return }
        if record.model.isAcross {
            study.sites = study.sites ?? record.evaluation.evaluators
        } else {
            study.jury = study.jury ?? record.evaluation.evaluators
        }
        begin(record.evaluation, &actions)
    }

    /// What is being done, for people; nil when it is nothing of the study.
    var studySummary: String? {
        guard let models = study.models, !models.isEmpty else { return nil }
        let open = evaluations.keys.filter(isOwnModels).count
        let waiting = Participants.sorted(Set(evaluations.values.flatMap(\.unresolved)))
        let names = waiting.prefix(3).joined(separator: ", ") + (waiting.count > 3 ? ", …" : "")
        let what =
            specification.crossSite == nil
            ? "contributions" : specification.contributions == nil ? "cross-site" : "cross-site and contributions"
        return "\(what): \(study.committed - open) of \(models.count) models evaluated"
            + (waiting.isEmpty ? "" : ", waits for \(names)")
    }
}

/// What became of a model that was to be made.
public enum MadeModel: Sendable, Hashable {
    /// It is a durable blob of this SHA-256.
    case made(digest: String)
    /// It cannot be made, for instance because a rule refuses so few updates.
    case failed(reason: String)
}
