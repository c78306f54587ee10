internal import Aggregation
internal import Datasets
internal import Federation
internal import Jobs
internal import Privacy
internal import Tensors
internal import Training
internal import Weights

/// What the run does with each event and action.
extension SimulationRun {
    /// Hands an event to the engine and carries out what follows, until nothing follows.
    func handle(_ event: RoundEvent) throws {
        var events = [event]
        while !events.isEmpty {
            for action in engine.handle(events.removeFirst(), at: time?.now ?? 0) { events += try perform(action) }
        }
    }

    func perform(_ action: RoundAction) throws -> [RoundEvent] {
        switch action {
        case .commitCohort(let record):
            try beginExchange(record)
            return [.cohortCommitted(round: record.round, attempt: record.attempt)]
        case .offer(let offer, let client):
            if let refusal = leave(offer.task, client) {
                return [.taskRefused(task: offer.task, refusal: refusal, isDeclined: false)]
            }
            try assign(offer, to: client)
        case .commitRefusal(let task, let refusal, let isDeclined):
            if isDeclined && task.kind == .train { declined.insert(refusal.client) }
            if isAsynchronous && task.kind == .train { forget(task, of: refusal.client) }
        case .commitAttemptFailure(let failure):
            updates = [:]
            collusion = nil
            scheduled = []
            endExchange(failure: failure.reason)
            time?.fail()
            return availabilityChanges() + [.attemptFailureCommitted(round: failure.round, attempt: failure.attempt)]
        case .aggregate(let order):
            return [try aggregate(order)]
        case .commitRound(let result):
            try commit(result)
            return availabilityChanges() + [.roundCommitted(round: result.round)]
        case .commitEvaluation(let result):
            openEvaluations[result.round] = nil
            if let value = result.metrics[specification.selectBy.metric],
                specification.selectBy.isBetter(value, than: best?.value), let digest = evaluated[result.round]
            {
                best = .init(round: result.round, value: value, weights: digest)
            }
            evaluated[result.round] = nil
            return [.evaluationCommitted(round: result.round)]
        case .commitStatus(let status):
            return [.statusCommitted(status)]
        // What follows the rounds is asked for in the options of a run: its engine has none of it.
        case .commitDeadline, .cancel, .commitOwnModels, .makeModel, .commitStudy:
            break
        }
        return []
    }

    func assign(_ offer: TaskOffer, to client: String) throws {
        guard let global = weights[offer.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(offer.task.round) are not there any more")
        }
        let result: Pending
        switch offer.task.kind {
        case .train:
            guard let own = clients[client].map({ data.clients[$0] }) else {
                throw SimulationError(.data, "the partition has no client \(client)")
            }
            if time != nil { return schedule(offer, to: own) }
            result = .update(train(own, round: offer.task.round, from: global))
        case .evaluate:
            evaluated[offer.task.round] = offer.weightsDigest
            let isWhole = specification.evaluation.others == .always
            result = .reports(
                evaluate(global) { isWhole || $0 == specification.evaluation.split } + (try evaluateAttack(global)))
        }
        offered.append(Offered(task: offer.task, client: client, result: result))
    }

    /// The examples of a part of an evaluation, where batches are not larger.
    private static let partExamples = 512

    /// Begins to evaluate weights on the held-out splits that are wanted.
    private func evaluate(_ weights: Weights, on isWanted: (String) -> Bool) -> [Report] {
        // The largest first: the workers end closer together.
        data.heldOut.filter { isWanted($0.key) }.sorted { ($0.value.count, $1.key) > ($1.value.count, $0.key) }
            .map { evaluate(weights, on: $1, split: $0) }
    }

    /// Begins to evaluate weights on one split.
    func evaluate(_ weights: Weights, on view: DatasetView, split: String) -> Report {
        // Whole batches, so that the result is the split's; as many parts however many workers there are.
        let size = max(1, Self.partExamples / evaluationBatch) * evaluationBatch
        let starts = view.count == 0 ? [0] : Array(stride(from: 0, to: view.count, by: size))
        return Report(
            split: split,
            parts: starts.map { start in
                pool.submit { try $0.scores(view, start..<start + size, split: split, weights: weights) }
            })
    }

    /// With `evaluation.others: best`: what is evaluated besides, now that the job's own split is known.
    private func others(after own: TaskStatistics, round: Int) -> [Report] {
        guard specification.evaluation.others == .best, let digest = evaluated[round], let weights = weights[digest]
        else { return [] }
        let value = Metrics.derive(from: own)[specification.selectBy.metric]
        let isBest = value.map { specification.selectBy.isBetter($0, than: best?.value) } ?? false
        guard isBest || round == specification.rounds - 1 else { return [] }
        return evaluate(weights) { $0 != specification.evaluation.split }
    }

    /// Hands a client's training to a worker.
    func train(
        _ client: VirtualClient, round: Int, from global: Weights
    ) -> WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained> {
        pool.submit { [data, encoded, privacy = engine.privacy, masking = masking(of: client.name)] in
            try $0.train(
                client, of: data, round: round, global: global, sent: encoded, privacy: privacy, masking: masking)
        }
    }

    /// Waits for the oldest task and tells the engine what came of it.
    func complete(_ offer: Offered) throws {
        let start = ContinuousClock.now
        switch offer.result {
        case .update(let pending):
            let result = Result { try pending.value() }
            waiting += ContinuousClock.now - start
            guard engine.standing(of: offer.task, client: offer.client) == .wanted else { return }
            do {
                let result = try disguised(result.get(), offer)
                let statistics = result.statistics
                if let refusal = result.refusal { throw refusal }
                // Before the update counts, as at a daemon.
                states.commit(offer.client, round: offer.task.round, result.state)
                updates[offer.client] = result.update
                try secure?.arrived(offer.client, saturated: result.saturated)
                try handle(
                    .updateCommitted(
                        client: offer.client, round: offer.task.round, attempt: offer.task.attempt,
                        statistics: statistics))
            } catch {
                try refuse(offer, error)
            }
        case .reports(let splits):
            do {
                var counted: [String: TaskStatistics] = [:]
                for report in splits { counted[report.split] = try report.statistics() }
                // A job that evaluates has this split: `init` saw to it.
                let own = counted[specification.evaluation.split] ?? TaskStatistics()
                try admission.check(evaluation: own)
                for report in others(after: own, round: offer.task.round) {
                    counted[report.split] = try report.statistics()
                }
                waiting += ContinuousClock.now - start
                for (split, statistics) in counted.sorted(by: { $0.key < $1.key }) {
                    try report(
                        MetricsLine(
                            round: offer.task.round, split: split, examples: statistics.examples,
                            metrics: Metrics.derive(from: statistics), confusion: statistics.confusion))
                }
                try handle(
                    .evaluationReported(
                        client: offer.client, round: offer.task.round, statistics: own))
            } catch {
                try refuse(offer, error)
            }
        }
    }

    /// What a daemon would report as a failed task; everything else, the disk above all, ends the run.
    func refuse(_ offer: Offered, _ error: any Error) throws {
        let (code, reason): (String, String)
        switch error {
        case let refusal as AdmissionRefusal: (code, reason) = (refusal.code, refusal.reason)
        case let error as TrainingError where error.code != .output && error.code != .weights:
            (code, reason) = ("trainer", "\(error)")
        case let error as TensorError: (code, reason) = ("trainer", "\(error)")
        case let error as DatasetError: (code, reason) = ("trainer", "\(error)")
        default: throw error
        }
        try handle(
            .taskRefused(
                task: offer.task, refusal: TaskRefusal(client: offer.client, code: code, reason: reason),
                isDeclined: false))
    }

    /// What a coordinator checks of every update and report.
    var admission: AdmissionRules { AdmissionRules(specification) }

    func aggregate(_ order: AggregationOrder) throws -> RoundEvent {
        let start = ContinuousClock.now
        defer { folding += ContinuousClock.now - start }
        guard let global = weights[order.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(order.round) are not there any more")
        }
        do {
            if let sum = try secureSum() {
                let next = try strategy.aggregate(global: global, updates: [sum], rules: rules, report: { _ in })
                let digest = next.digest()
                weights[digest] = next
                return .aggregated(round: order.round, attempt: order.attempt, weightsDigest: digest)
            }
            var sources: [any UpdateSource] = try order.updates.map { admitted in
                guard let update = updates[admitted.client] else {
                    throw SimulationError(.failed, "the update of \(admitted.client) is not there any more")
                }
                let source = try PartialUpdate(
                    clientID: admitted.client, examples: admitted.statistics.examples,
                    loss: admitted.statistics.meanLoss, tensors: DecodedTensors.showing(update, as: encoded),
                    expected: encoded.plain,
                    shownAs: foldSchema)
                let discount = engine.discount(of: admitted, in: order.round)
                guard discount != 1 else { return source }
                return DiscountedUpdate(source, factor: discount)
            }
            var nextClipNorm: Double?
            if let charge = order.charge, let privacy = engine.privacy {
                let sum = try PrivateSum(
                    of: sources, schema: foldSchema, rules: rules, round: order.round, attempt: order.attempt,
                    charge: charge, privacy: privacy)
                nextClipNorm = sum.nextClipNorm
                sources = [sum]
            }
            var report: AggregationReport?
            let next = try strategy.aggregate(
                global: global, updates: sources, rules: rules, report: { report = $0 })
            if let settings = options.contributions, settings.includes(order.round, of: specification.rounds) {
                let before = ContinuousClock.now
                try scoreContributions(settings, to: order, sources: sources, global: global, report: report)
                folding -= ContinuousClock.now - before
            }
            let digest = next.digest()
            weights[digest] = next
            // What an update weighs in a private sum tells its norm: that is not reported.
            return .aggregated(
                round: order.round, attempt: order.attempt, weightsDigest: digest,
                report: order.charge == nil ? report : nil, nextClipNorm: nextClipNorm)
        } catch let error as MaskedNormRefusal {
            return .aggregationFailed(
                round: order.round, attempt: order.attempt, reason: error.reason, refusals: error.refusals)
        } catch let error as PrivacyError where secure != nil {
            return .aggregationFailed(round: order.round, attempt: order.attempt, reason: error.message)
        } catch let error as AggregationError {
            return .aggregationFailed(round: order.round, attempt: order.attempt, reason: "\(error)")
        }
    }

    func commit(_ result: RoundResult) throws {
        if isAsynchronous {
            foldedAsynchronously(result)
        } else {
            updates = [:]
            collusion = nil
            scheduled = []
            time?.close(used: Set(result.admitted.map(\.client)))
        }
        if let evaluation = result.evaluation { openEvaluations[result.round] = evaluation }
        let size = encoded.fileBytes
        try report(
            MetricsLine(
                round: result.round, split: "train", examples: result.totals.examples,
                clients: result.admitted.count,
                refusals: result.refusals.isEmpty
                    ? nil : Dictionary(result.refusals.map { ($0.client, $0.code) }) { first, _ in first },
                metrics: Metrics.derive(from: result.totals), bytesDown: result.cohort.count * globalBytes,
                bytesUp: result.admitted.count * size, clock: time?.takeFigures(), epsilon: result.charge?.epsilon,
                clipNorm: result.charge?.clipNorm, weights: weights(of: result), leftOut: leftOut(of: result),
                saturated: secure.map { $0.saturated.values.reduce(0, +) }, aborts: aborts.isEmpty ? nil : aborts,
                staleness: staleness(of: result)))
        endExchange()
        try evaluateClients(after: result)
        let now = ContinuousClock.now
        try timings.append(
            TimingsLine(
                round: result.round, seconds: (now - roundBegin) / .seconds(1), waiting: waiting / .seconds(1),
                folding: folding / .seconds(1)))
        (roundBegin, waiting, folding) = (now, .zero, .zero)
        progress(.round(result.round, of: specification.rounds))
        capture(result)
        // What a round of a job with privacy released is never computed again from other draws.
        if engine.privacy != nil || (now - lastSave) / .seconds(1) >= options.checkpointSeconds { try save() }
    }

    /// The clients' weights in the round's update, where the job says how updates are combined.
    private func weights(of result: RoundResult) -> [String: Double]? {
        guard !specification.aggregation.isEmpty else { return nil }
        return Dictionary(result.admitted.compactMap { update in update.weight.map { (update.client, $0) } }) {
            first, _ in first
        }
    }

    private func leftOut(of result: RoundResult) -> [String: String]? {
        let reasons = result.admitted.compactMap { update in update.leftOut.map { (update.client, $0) } }
        return reasons.isEmpty ? nil : Dictionary(reasons) { first, _ in first }
    }

    func report(_ line: MetricsLine) throws {
        try metrics.append(line)
        progress(.metrics(line))
    }
}
