internal import Datasets
internal import Federation
internal import Jobs
internal import Training
internal import Weights

/// How a run with a virtual clock goes from one event to the next.
///
/// When a task is handed out, its client's speed, bandwidth, hours and luck decide when its result arrives, or that it
/// never does: training cannot change that, so the order in which the engine hears of results is known before any of
/// them is there. A task is trained only when its result arrives before the deadline and among the first
/// `clients.targetUpdates`. Results of the same instant come in order of the clients' names, and one at the deadline's
/// instant is late. Folding and evaluation take no simulated time.
extension SimulationRun {
    /// What the engine will be told of a training task.
    struct Scheduled {
        var offer: TaskOffer
        var client: VirtualClient
        /// When.
        var time: Int64
        /// Whether it is that the client has dropped out.
        var isDropOut: Bool
        /// The result on its way, once a worker has the task.
        var pending: WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained>?
    }

    // MARK: Setting up

    /// The job's `clock` map, read; nil for an empty one.
    ///
    /// - Throws: ``SimulationError`` `job`.
    static func clockSettings(of specification: JobSpecification) throws(SimulationError) -> ClockSettings? {
        guard !specification.clock.isEmpty else {
            guard let target = specification.clients.targetUpdates, target < specification.clients.perRound else {
                return nil
            }
            throw SimulationError(
                .job,
                "clients.targetUpdates: found \(target) of \(specification.clients.perRound) without a clock, under which "
                    + "all clients are equally fast; expected a clock, or no target")
        }
        return try ClockSettings(specification.clock)
    }

    /// The time of a run; nil without a clock.
    static func simulatedTime(
        _ settings: ClockSettings?, _ specification: JobSpecification, _ data: SimulationData, down: Int, up: Int,
        now: Int64?
    ) throws -> SimulatedTime? {
        guard let settings else { return nil }
        let algorithm = LocalAlgorithms.make(try StrategySettings(specification.strategy))
        let epochs = algorithm.epochs(try LocalTraining.Configuration(specification.training).epochs)
        let clock = VirtualClock(
            settings, seed: specification.seed, epochs: epochs * max(1, algorithm.passes), bytesDown: down, bytesUp: up)
        let participants = specification.clients.participants.map(Set.init)
        return SimulatedTime(
            clock,
            clients: data.clients.map {
                ($0.name, !$0.rows.isEmpty && participants?.contains($0.name) ?? true)
            }, now: now ?? 0)
    }

    // MARK: Clients

    /// Who has gone and come since the engine was last told; nothing without a clock.
    func availabilityChanges() -> [RoundEvent] {
        guard let changes = time?.takeChanges() else { return [] }
        return changes.gone.map { .clientLost(client: data.clients[$0].name) } + changes.come.map(ready)
    }

    private func ready(_ index: Int) -> RoundEvent {
        let client = data.clients[index]
        return .clientReady(client: client.name, examples: ["train": client.rows.count], holding: [])
    }

    // MARK: Steps

    /// Does the next thing that can happen.
    ///
    /// - Returns: false when there is nothing.
    func step() throws -> Bool {
        // Without a clock that is everything; with one, only evaluations come here, and they take no time.
        if !offered.isEmpty {
            try complete(offered.removeFirst())
            return true
        }
        guard time != nil else { return false }
        try beginNeeded()
        let deadline = engine.nextDeadline
        if let next = scheduled.first, next.time <= deadline ?? .max {
            scheduled.removeFirst()
            time?.now = next.time
            try tellAvailability()
            try finish(next)
        } else if let deadline {
            time?.now = deadline
            try tellAvailability()
            try handle(.tick)
        } else if let instant = time?.nextQuorum(of: engine.quorum) {
            time?.now = instant
            // Whoever comes at this instant may be drawn, not only those of whom the engine hears first.
            try handle(.pause(reason: "clients come and go"))
            for event in availabilityChanges() { try handle(event) }
            try handle(.resume)
        } else {
            return false
        }
        return true
    }

    /// Puts a task on the clock; one that the client has in hand stays as it is.
    ///
    /// - Parameter start: when it was handed out; now unless given.
    func schedule(_ offer: TaskOffer, to client: VirtualClient, since start: Int64? = nil) {
        guard let time else { return }
        if isAsynchronous {
            guard inHand[client.name] != offer.task else { return }
            inHand[client.name] = offer.task
        }
        let task = time.clock.task(
            client: client.name, examples: client.rows.count, round: offer.task.round, attempt: offer.task.attempt,
            start: start ?? time.now, deadline: offer.deadline)
        self.time?.begin(task, at: client.name)
        let isDropOut = task.dropAfter != nil
        guard !isDropOut || time.clock.settings.isDropOutReported, let instant = isDropOut ? task.drop : task.finish,
            instant < offer.deadline
        else { return }
        let index = scheduled.firstIndex {
            $0.time > instant || ($0.time == instant && Participants.precedes(client.name, $0.client.name))
        }
        scheduled.insert(
            Scheduled(offer: offer, client: client, time: instant, isDropOut: isDropOut),
            at: index ?? scheduled.endIndex)
    }

    /// Hands to workers what the round needs if every result is good: when one is refused, the next follows.
    private func beginNeeded() throws {
        // Of an asynchronous job as many as make a version; whatever is begun early is the same later.
        let target = (isAsynchronous ? asynchronous?.buffer : specification.clients.targetUpdates) ?? .max
        var needed = target - updates.count
        for index in scheduled.indices where !scheduled[index].isDropOut {
            guard needed > 0 else { return }
            needed -= 1
            _ = try begin(scheduled: index)
        }
    }

    /// The result of a task on the clock, handed to a worker if none has it yet.
    func begin(
        scheduled index: Int
    ) throws -> WorkerPool<SimulationWorker>.Pending<SimulationWorker.Trained> {
        if let pending = scheduled[index].pending { return pending }
        let (offer, client) = (scheduled[index].offer, scheduled[index].client)
        guard let global = weights[offer.weightsDigest] else {
            throw SimulationError(.checkpoint, "the weights of round \(offer.task.round) are not there any more")
        }
        let pending = train(client, round: offer.task.round, from: global)
        scheduled[index].pending = pending
        if !isAsynchronous { time?.noteTraining() }
        return pending
    }

    /// Tells the engine what has come of a task now.
    private func finish(_ next: Scheduled) throws {
        let (task, client) = (next.offer.task, next.client.name)
        guard !next.isDropOut, let pending = next.pending else {
            let refusal = TaskRefusal(client: client, code: "dropped", reason: "the client dropped out")
            return try handle(.taskRefused(task: task, refusal: refusal, isDeclined: false))
        }
        // Which tasks were begun ahead does not show in an asynchronous job, whose tasks outlast checkpoints.
        if isAsynchronous { time?.noteTraining() }
        time?.answered(client)
        try complete(Offered(task: task, client: client, result: .update(pending)))
    }
}
