import Synchronization
import Wire

/// The tasks of this daemon: one at a time, first come first served.
final class TaskBoard: Sendable {
    private struct State {
        /// Queued and running tasks; false once they are cancelled.
        var wanted: [TaskIdentity: Bool] = [:]
        var running: (identity: TaskIdentity, work: Task<Void, Never>)?
    }

    private let state = Mutex(State())
    private let tasks: AsyncStream<AcceptedTask>
    private let incoming: AsyncStream<AcceptedTask>.Continuation

    init() {
        (tasks, incoming) = AsyncStream.makeStream()
    }

    /// Queued and running tasks that are still wanted.
    var identities: [TaskIdentity] {
        state.withLock { $0.wanted.filter(\.value).map(\.key) }
    }

    /// Whether a task is queued or running.
    func contains(_ identity: TaskIdentity) -> Bool {
        state.withLock { $0.wanted[identity] == true }
    }

    /// Whether a task that comes now has to wait for another.
    var isBusy: Bool {
        state.withLock { !$0.wanted.isEmpty }
    }

    /// Adds a task at the end of the line.
    func enqueue(_ task: AcceptedTask) {
        state.withLock { $0.wanted[task.identity] = true }
        incoming.yield(task)
    }

    /// Gives a queued or running task up.
    func cancel(_ identity: TaskIdentity) {
        let work = state.withLock { state -> Task<Void, Never>? in
            guard state.wanted[identity] != nil else { return nil }
            state.wanted[identity] = false
            return state.running?.identity == identity ? state.running?.work : nil
        }
        work?.cancel()
    }

    /// Gives everything up that is queued or running.
    func cancelAll() {
        for identity in identities { cancel(identity) }
    }

    /// Performs the tasks in order until the calling task is cancelled.
    func run(_ perform: @Sendable @escaping (AcceptedTask) async -> Void) async {
        for await task in tasks {
            // Not a child task: CancelTask has to end this one alone. It is always awaited here.
            let work = Task { await perform(task) }
            let isWanted = state.withLock { state in
                state.running = (task.identity, work)
                return state.wanted[task.identity] == true
            }
            if !isWanted { work.cancel() }
            await withTaskCancellationHandler {
                await work.value
            } onCancel: {
                work.cancel()
            }
            state.withLock { state in
                state.running = nil
                state.wanted[task.identity] = nil
            }
        }
    }
}
