/// The time of one run: what it is, who is there, which tasks are under way and what they have cost.
///
/// A value without side effects; milliseconds from the start of the job.
struct SimulatedTime: Sendable {
    /// A client as the clock sees it.
    struct Client: Sendable {
        var name: String
        /// Whether it may be drawn for training.
        var isTrainer: Bool
        var window: AvailabilityWindow?
        /// What the engine was last told.
        var isReady = false
    }

    let clock: VirtualClock
    /// Now.
    var now: Int64
    private(set) var clients: [Client]
    private var roundBegin: Int64
    private var underWay: [String: (task: VirtualTask, hasAnswered: Bool)] = [:]
    private var ledger = Ledger()

    private struct Ledger {
        var failedAttempts = 0
        var tasks = 0
        var trained = 0
        var late = 0
        var cancelled = 0
        var dropped = 0
        var work: Int64 = 0
        var wasted: Int64 = 0
        var down = 0
        var up = 0
        var wastedBytes = 0
    }

    /// Begins, or goes on, at the end of a round.
    init(_ clock: VirtualClock, clients: [(name: String, isTrainer: Bool)], now: Int64 = 0) {
        self.clock = clock
        self.now = now
        roundBegin = now
        self.clients = clients.map {
            Client(name: $0.name, isTrainer: $0.isTrainer, window: clock.window(of: $0.name))
        }
    }

    // MARK: Clients

    /// The clients that have gone and come since the last call, by their places.
    mutating func takeChanges() -> (gone: [Int], come: [Int]) {
        var (gone, come): ([Int], [Int]) = ([], [])
        for index in clients.indices {
            let isReady = clients[index].window?.isOpen(at: now) ?? true
            guard isReady != clients[index].isReady else { continue }
            clients[index].isReady = isReady
            if isReady { come.append(index) } else { gone.append(index) }
        }
        return (gone, come)
    }

    /// The first instant after now at which so many clients that may be drawn are there; nil for never.
    ///
    /// - Complexity: O(n log n) for n clients.
    func nextQuorum(of count: Int) -> Int64? {
        var present = 0
        var edges: [(time: Int64, change: Int)] = []
        for client in clients where client.isTrainer {
            guard let window = client.window else {
                present += 1
                continue
            }
            if window.isOpen(at: now) { present += 1 }
            if let time = window.opening(after: now) { edges.append((time, 1)) }
            if let time = window.closing(after: now) { edges.append((time, -1)) }
        }
        edges.sort { $0.time < $1.time }
        for (index, edge) in edges.enumerated() {
            present += edge.change
            let isLastOfInstant = index == edges.count - 1 || edges[index + 1].time > edge.time
            if isLastOfInstant, present >= count { return edge.time }
        }
        return nil
    }

    // MARK: Tasks

    /// Notes a task that was handed out now.
    mutating func begin(_ task: VirtualTask, at client: String) {
        underWay[client] = (task, false)
    }

    /// Notes that the round has heard of a client's result, whatever it was.
    mutating func answered(_ client: String) { underWay[client]?.hasAnswered = true }

    /// Notes that a task was handed to a worker.
    mutating func noteTraining() { ledger.trained += 1 }

    /// Ends an attempt now: all of its tasks are over.
    ///
    /// - Parameter used: whose updates went into new weights; nobody's when the attempt failed.
    mutating func close(used: Set<String>) {
        for client in underWay.keys { close(client, isUsed: used.contains(client)) }
    }

    /// Ends a client's task now.
    ///
    /// - Parameter isUsed: whether its update went into new weights.
    mutating func close(_ client: String, isUsed: Bool) {
        guard let entry = underWay.removeValue(forKey: client) else { return }
        let task = entry.task
        ledger.tasks += 1
        let hasDropped = task.drop.map { $0 <= now } ?? false
        if hasDropped {
            ledger.dropped += 1
        } else if !entry.hasAnswered {
            if now >= task.deadline { ledger.late += 1 } else { ledger.cancelled += 1 }
        }
        let work = task.work(until: now)
        let (down, up) = task.bytes(until: now)
        ledger.work += work
        ledger.down += down
        ledger.up += up
        guard !isUsed else { return }
        ledger.wasted += work
        ledger.wastedBytes += down + up
    }

    /// Ends an attempt that failed now.
    mutating func fail() {
        close(used: [])
        ledger.failedAttempts += 1
    }

    /// The figures of the round that ends now, after `close`; the next begins.
    mutating func takeFigures() -> ClockFigures {
        func seconds(_ milliseconds: Int64) -> Double { Double(milliseconds) / 1000 }
        defer {
            ledger = Ledger()
            roundBegin = now
        }
        return ClockFigures(
            time: seconds(now), seconds: seconds(now - roundBegin), failedAttempts: ledger.failedAttempts,
            tasks: ledger.tasks, trained: ledger.trained, late: ledger.late, cancelled: ledger.cancelled,
            dropped: ledger.dropped,
            clientSeconds: seconds(ledger.work), wastedSeconds: seconds(ledger.wasted), bytesDown: ledger.down,
            bytesUp: ledger.up, wastedBytes: ledger.wastedBytes)
    }
}
