internal import Dispatch

/// Threads for work that blocks: files, digests, folds. The cooperative pool has one thread a core and must not wait for
/// a disk.
///
/// As a task executor preference it runs whole asynchronous functions: `await withBlockingWork { … }`.
final class BlockingExecutor: TaskExecutor {
    static let shared = BlockingExecutor()

    private let queue = DispatchQueue(label: "tributary.blocking", qos: .userInitiated, attributes: .concurrent)

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}

/// Runs `body` away from the cooperative pool; what it awaits may run anywhere.
func withBlockingWork<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
    try await withTaskExecutorPreference(BlockingExecutor.shared) { try await onPreferredExecutor(body) }
}

/// Leaves the caller's actor, so that the executor preference takes effect.
@concurrent
private func onPreferredExecutor<Value: Sendable>(
    _ body: @Sendable () async throws -> Value
) async rethrows -> Value {
    try await body()
}
