import Synchronization
import Wire

/// The tasks of this daemon: one at a time, first come first served.
final class TaskBoard: Sendable {
    /// One time that a task came. A task that was given up may come again while the first time still winds down.
    private typealias Ticket = Int

    private struct State {
        var lastTicket: Ticket = 0
        /// Queued and running tasks that were not given up.
        var wanted: [TaskIdentity: Ticket] = [:]
        /// How many are queued or running, given up or not.
        var pending = 0
        var running: (ticket: Ticket, work: Task<Void, Never>)?
    }

    private let state = Mutex(State())
    private let tasks: AsyncStream<(Ticket, AcceptedTask)>
    private let incoming: AsyncStream<(Ticket, AcceptedTask)>.Continuation

    init() {
        (tasks, incoming) = AsyncStream.makeStream()
    }

    /// Queued and running tasks that are still wanted.
    var identities: [TaskIdentity] {
        state.withLock { Array($0.wanted.keys) }
    }

    /// Whether a task is queued or running, and wanted.
    func contains(_ identity: TaskIdentity) -> Bool {
        state.withLock { $0.wanted[identity] != nil }
    }

    /// Whether a task that comes now has to wait for another.
    var isBusy: Bool {
        state.withLock { $0.pending > 0 }
    }

    /// Adds a task at the end of the line.
    func enqueue(_ task: AcceptedTask) {
        let ticket = state.withLock { state in
            state.lastTicket += 1
            state.pending += 1
            state.wanted[task.identity] = state.lastTicket
            return state.lastTicket
        }
        incoming.yield((ticket, task))
    }

    /// Gives a queued or running task up.
    func cancel(_ identity: TaskIdentity) {
        let work = state.withLock { state -> Task<Void, Never>? in
            guard let ticket = state.wanted.removeValue(forKey: identity), state.running?.ticket == ticket else {
                return nil
            }
            return state.running?.work
        }
        work?.cancel()
    }

    /// Gives everything up that is queued or running.
    func cancelAll() {
        for identity in identities { cancel(identity) }
    }

    /// Performs the tasks in order until the calling task is cancelled.
    func run(_ perform: @Sendable @escaping (AcceptedTask) async -> Void) async {
        for await (ticket, task) in tasks {
            // Not a child task: CancelTask has to end this one alone. It is always awaited here.
            let work = Task { await perform(task) }
            let isWanted = state.withLock { state in
                state.running = (ticket, work)
                return state.wanted[task.identity] == ticket
            }
            if !isWanted { work.cancel() }
            await withTaskCancellationHandler {
                await work.value
            } onCancel: {
                work.cancel()
            }
            state.withLock { state in
                state.running = nil
                state.pending -= 1
                if state.wanted[task.identity] == ticket { state.wanted[task.identity] = nil }
            }
        }
    }
}
