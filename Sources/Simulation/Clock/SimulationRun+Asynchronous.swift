internal import Federation
internal import Jobs

/// What is different in a run of an asynchronous job: tasks of several versions are under way at once, and end one by one.
extension SimulationRun {
    /// Asynchronous jobs are about time.
    ///
    /// - Throws: ``SimulationError`` `job` without a clock.
    static func checkAsynchronous(_ specification: JobSpecification) throws(SimulationError) {
        guard specification.asynchronous != nil, specification.clock.isEmpty else { return }
        throw SimulationError(
            .job,
            "asynchronous: found an asynchronous job without a clock, under which nobody is slower than others; expected a "
                + "clock")
    }

    var isAsynchronous: Bool { engine.buffer != nil }

    /// Takes up the tasks that were under way at the checkpoint, as they were handed out.
    func takeUpTasks() {
        for asked in latest?.asked ?? [] {
            guard let own = clients[asked.client].map({ data.clients[$0] }) else { continue }
            let offer = TaskOffer(task: asked.task, weightsDigest: asked.weightsDigest, deadline: asked.deadline)
            schedule(offer, to: own, since: asked.startedAt)
        }
    }

    /// Tells the engine at once who has gone and come: in an asynchronous job anybody may be drawn at any time.
    func tellAvailability() throws {
        guard isAsynchronous else { return }
        let changes = availabilityChanges()
        if !changes.isEmpty { try handle(.together(changes)) }
    }

    /// Notes that a client's task is over without an update.
    func forget(_ task: RoundTask, of client: String) {
        guard inHand[client] == task else { return }
        inHand[client] = nil
        scheduled.removeAll { $0.client.name == client }
        updates[client] = nil
        time?.close(client, isUsed: false)
    }

    /// Notes that updates are folded; after the last version every task is over.
    func foldedAsynchronously(_ result: RoundResult) {
        for update in result.admitted {
            updates[update.client] = nil
            inHand[update.client] = nil
            time?.close(update.client, isUsed: true)
        }
        if result.round == specification.rounds - 1 { time?.close(used: []) }
    }

    /// How many versions old the updates of a round were, by client; nil for a job with rounds.
    func staleness(of result: RoundResult) -> [String: Int]? {
        guard isAsynchronous else { return nil }
        return Dictionary(
            result.admitted.compactMap { update in update.startedFrom.map { (update.client, result.round - $0) } }
        ) { first, _ in first }
    }
}
