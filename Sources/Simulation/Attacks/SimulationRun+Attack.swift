internal import Datasets
internal import Federation
internal import Jobs
internal import Weights

/// How hostile clients act together, and how it is seen whether a backdoor works.
extension SimulationRun {
    /// What the colluders of a round send.
    struct SharedUpdate {
        var task: RoundTask
        var update: KeptWeights
        var refusal: AdmissionRefusal?
    }

    /// The hostile clients of the run, in order of their names.
    public var hostileClients: [String] { attack?.hostile ?? [] }

    /// A client's result as it sends it: for a colluder the update that all of them share in this round.
    ///
    /// Whoever of them comes first waits for the others. Who belongs to them does not depend on the workers: all hostile
    /// clients of the cohort, with a clock those whose result arrives before the deadline. One whose training fails is left
    /// out.
    func disguised(
        _ trained: SimulationWorker.Trained, _ offer: Offered
    ) throws -> SimulationWorker.Trained {
        guard let attack, trained.refusal == nil, case .colluding(let make)? = attack.conduct(of: offer.client) else {
            return trained
        }
        if collusion?.task != offer.task {
            var members = [(client: offer.client, update: trained.update)]
            for (client, pending) in try colluders(of: offer.task, attack) {
                if let other = try? pending.value(), other.refusal == nil { members.append((client, other.update)) }
            }
            members.sort { Participants.precedes($0.client, $1.client) }
            let clients = engine.progress?.cohort.count ?? specification.clients.perRound
            let update = try Collusion.update(of: members.map(\.update), make(clients, members.count))
            var refusal: AdmissionRefusal?
            do throws(AdmissionRefusal) { try admission.check(update, examples: trained.statistics.examples) } catch {
                refusal = error
            }
            collusion = SharedUpdate(task: offer.task, update: try store.keep(update), refusal: refusal)
        }
        guard let collusion else { return trained }
        var trained = trained
        trained.update = collusion.update
        trained.refusal = collusion.refusal
        return trained
    }

    /// The other hostile clients that have the task, with their results on the way.
    private func colluders(
        of task: RoundTask, _ attack: AttackPlan
    ) throws -> [(client: String, pending: WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained>)] {
        var others: [(client: String, pending: WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained>)] = []
        for other in offered where other.task == task && attack.isHostile(other.client) {
            if case .update(let pending) = other.result { others.append((other.client, pending)) }
        }
        for index in scheduled.indices {
            let next = scheduled[index]
            guard next.offer.task == task, !next.isDropOut, attack.isHostile(next.client.name) else { continue }
            others.append((next.client.name, try begin(scheduled: index)))
        }
        return others
    }

    /// For a backdoor, begins to count how many held-out examples with the trigger are given its target.
    func evaluateAttack(_ weights: Weights) throws -> [Report] {
        guard let attack else { return [] }
        if triggered == nil { triggered = try attack.evaluation(data.heldOut[specification.evaluation.split]) }
        guard let view = triggered else { return [] }
        var report = evaluate(weights, on: view, split: Backdoor.split)
        report.target = attack.settings.target
        return [report]
    }
}
