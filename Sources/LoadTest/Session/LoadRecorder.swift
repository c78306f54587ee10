internal import Synchronization

/// What the clients of a load test saw, and a way to wait for it.
final class LoadRecorder: Sendable {
    /// Which way a transfer went.
    enum Direction: Sendable { case down, up }

    /// One transfer, from its call to its last acknowledged byte.
    struct Transfer: Sendable {
        var direction: Direction
        var bytes: Int
        var seconds: Double
    }

    private struct State {
        var sessions = 0
        var tasks = 0
        var lastTask: ContinuousClock.Instant?
        var transfers: [Transfer] = []
    }

    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() {
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// How many sessions were opened.
    var sessions: Int { state.withLock { $0.sessions } }

    /// How many tasks came, and when the last one did.
    var tasks: (count: Int, last: ContinuousClock.Instant?) { state.withLock { ($0.tasks, $0.lastTask) } }

    /// The transfers of one direction, in their order.
    func transfers(_ direction: Direction) -> [Transfer] {
        state.withLock { $0.transfers.filter { $0.direction == direction } }
    }

    func sessionOpened() {
        state.withLock { $0.sessions += 1 }
        signal.yield()
    }

    func taskCame() {
        state.withLock { state in
            state.tasks += 1
            state.lastTask = .now
        }
        signal.yield()
    }

    func moved(_ direction: Direction, bytes: Int, since start: ContinuousClock.Instant) {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        state.withLock { $0.transfers.append(Transfer(direction: direction, bytes: bytes, seconds: seconds)) }
    }

    /// Returns when a condition holds that depends on what is recorded here. For one waiter at a time.
    func wait(until isDone: (LoadRecorder) -> Bool) async throws {
        var iterator = signals.makeAsyncIterator()
        while !isDone(self) {
            guard await iterator.next() != nil else { throw CancellationError() }
        }
    }
}
