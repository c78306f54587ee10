internal import Synchronization

/// Ends a transfer whose peer moves no bytes for too long.
final class StallWatch: Sendable {
    private let limit: Duration
    private let what: String
    private let clock: StallClock
    /// When bytes moved last; nil when all have.
    private let last = Mutex<ContinuousClock.Instant?>(.now)

    init(limit: Duration, what: String, clock: StallClock = .shared) {
        self.limit = limit
        self.what = what
        self.clock = clock
    }

    /// When the transfer has stalled unless bytes move before; nil when all have moved.
    var due: ContinuousClock.Instant? { last.withLock { $0 }?.advanced(by: limit) }

    /// Bytes moved.
    func moved() {
        last.withLock { $0 = .now }
    }

    /// All bytes have moved: what still takes time is not the peer's.
    func allMoved() {
        last.withLock { $0 = nil }
    }

    /// Runs `body` under the watch.
    ///
    /// - Throws: ``CoordinatorError`` `stalled`; what `body` throws.
    func watching<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        let (ends, end) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingOldest(1))
        let number = clock.add(self, end)
        defer { clock.remove(number) }
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask { [self] in
                for await _ in ends {
                    throw CoordinatorError(.stalled, "\(what): no bytes for \(limit.components.seconds) s")
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}
