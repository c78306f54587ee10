internal import Foundation
internal import Synchronization

/// Threads that each own one worker and take jobs from one queue, first come first served.
///
/// A worker is made on its thread and never leaves it, so it may hold what is not `Sendable`: a model and its tensors.
/// Native code runs here and not on the cooperative pool.
final class WorkerPool<Worker>: Sendable {
    /// A result on its way.
    final class Pending<Value: Sendable>: Sendable {
        private let state = Mutex<Result<Value, any Error>?>(nil)
        private let done = DispatchSemaphore(value: 0)

        fileprivate func finish(_ result: Result<Value, any Error>) {
            state.withLock { $0 = result }
            done.signal()
        }

        /// Waits for the result. May be called more than once.
        func value() throws -> Value {
            done.wait()
            done.signal()
            guard let result = state.withLock({ $0 }) else { throw CancellationError() }
            return try result.get()
        }
    }

    private typealias Job = @Sendable (Result<Worker, any Error>) -> Void

    private struct State {
        /// Those taken are nil: a job holds its result.
        var jobs: [Job?] = []
        var next = 0
        var isOver = false
    }

    private let state = Mutex(State())
    private let available = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)

    /// How many threads there are.
    let count: Int

    /// Starts the threads.
    ///
    /// - Parameter make: called once on each thread.
    init(count: Int, make: @escaping @Sendable () throws -> Worker) {
        self.count = count
        for index in 0..<count {
            let thread = Thread { [self] in
                let worker = Result { try make() }
                while let job = takeJob() { job(worker) }
                ended.signal()
            }
            thread.name = "worker-\(index)"
            // Deep autograd graphs recurse while they are freed.
            thread.stackSize = 16 << 20
            thread.start()
        }
    }

    private func takeJob() -> Job? {
        available.wait()
        return state.withLock { state in
            guard !state.isOver, state.next < state.jobs.count else { return nil }
            let job = state.jobs[state.next]
            state.jobs[state.next] = nil
            state.next += 1
            // The front is dropped now and then, not with every job.
            if state.next >= 1024 {
                state.jobs.removeFirst(state.next)
                state.next = 0
            }
            return job
        }
    }

    /// Hands a job to whichever worker is free first.
    func submit<Value: Sendable>(_ body: @escaping @Sendable (Worker) throws -> Value) -> Pending<Value> {
        let pending = Pending<Value>()
        state.withLock { state in
            state.jobs.append { worker in
                pending.finish(Result { try autoreleasing { try body(worker.get()) } })
            }
        }
        available.signal()
        return pending
    }

    /// Ends the threads after the jobs they run, and waits for that: the process must not end under them. What is queued is
    /// dropped. May be called more than once.
    func shutDown() {
        let isFirst = state.withLock { state in
            defer { state.isOver = true }
            return !state.isOver
        }
        guard isFirst else { return }
        for _ in 0..<count { available.signal() }
        for _ in 0..<count { ended.wait() }
    }
}

/// Foundation's temporary objects end with each job where there is such a thing.
private func autoreleasing<Value>(_ body: () throws -> Value) throws -> Value {
    #if canImport(ObjectiveC)
    try autoreleasepool(invoking: body)
    #else
    try body()
    #endif
}
