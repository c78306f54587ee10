internal import Synchronization

/// Tells watchers that something about a job changed. Nothing is queued but the fact and the numbers of the rounds, so a
/// slow watcher costs nothing and a fast round is not told twice.
final class JobChanges: Sendable {
    /// One watcher's view: rounds that changed since it last asked, and a signal.
    final class Subscription: Sendable {
        /// An element whenever something changed since the last one was taken; ends when the coordinator shuts down.
        let signals: AsyncStream<Void>
        private let signal: AsyncStream<Void>.Continuation
        private let rounds = Mutex<Set<Int>>([])

        fileprivate init() {
            (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
        }

        /// The rounds that changed since the last call, in order.
        func takeRounds() -> [Int] {
            rounds.withLock { rounds in
                defer { rounds.removeAll() }
                return rounds.sorted()
            }
        }

        fileprivate func changed(round: Int?) {
            if let round { _ = rounds.withLock { $0.insert(round) } }
            signal.yield()
        }

        fileprivate func finish() {
            signal.finish()
        }
    }

    private struct State {
        var next = 0
        var subscriptions: [String: [Int: Subscription]] = [:]
        var isFinished = false
    }

    private let state = Mutex(State())

    /// Runs `body` with a subscription to one job.
    func withSubscription<Value: Sendable>(
        job: String, _ body: (Subscription) async throws -> Value
    ) async throws -> Value {
        let subscription = Subscription()
        let number = state.withLock { state in
            state.next += 1
            if state.isFinished { subscription.finish() }
            state.subscriptions[job, default: [:]][state.next] = subscription
            return state.next
        }
        defer {
            state.withLock { state in
                state.subscriptions[job]?[number] = nil
                if state.subscriptions[job]?.isEmpty == true { state.subscriptions[job] = nil }
            }
        }
        return try await body(subscription)
    }

    /// How many watch a job.
    func subscribers(job: String) -> Int {
        state.withLock { $0.subscriptions[job]?.count ?? 0 }
    }

    /// Something about a job changed, perhaps a round.
    func changed(job: String, round: Int? = nil) {
        state.withLock { state in
            guard let subscriptions = state.subscriptions[job] else { return }
            for subscription in subscriptions.values { subscription.changed(round: round) }
        }
    }

    /// Ends every subscription.
    func finish() {
        state.withLock { state in
            state.isFinished = true
            for job in state.subscriptions.values { for subscription in job.values { subscription.finish() } }
        }
    }
}
