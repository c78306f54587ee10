internal import Synchronization

/// Ends a transfer whose peer moves no bytes for too long.
final class StallWatch: Sendable {
    private let limit: Duration
    private let what: String
    private let last = Mutex(ContinuousClock.now)

    init(limit: Duration, what: String) {
        self.limit = limit
        self.what = what
    }

    /// Bytes moved.
    func moved() {
        last.withLock { $0 = .now }
    }

    /// Runs `body` under the watch.
    ///
    /// - Throws: ``CoordinatorError`` `stalled`; what `body` throws.
    func watching<Value: Sendable>(_ body: @escaping @Sendable () async throws -> Value) async throws -> Value {
        try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask { try await body() }
            group.addTask { [self] in
                while true {
                    let due = last.withLock { $0 }.advanced(by: limit)
                    guard due > .now else { break }
                    try await Task.sleep(until: due, clock: .continuous)
                }
                throw CoordinatorError(.stalled, "\(what): no bytes for \(limit.components.seconds) s")
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
    }
}
