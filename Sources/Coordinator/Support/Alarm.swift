internal import Synchronization

/// One moment at which something has to be done; setting it again moves it.
///
/// The task is unstructured because the moment belongs to no caller: it is set and moved from synchronous code under
/// changing callers. Its handle is kept, and `cancel()` ends it.
final class Alarm: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        var due: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let action: @Sendable () -> Void

    /// An alarm that is not set.
    init(action: @escaping @Sendable () -> Void) {
        self.action = action
    }

    deinit {
        state.withLock { $0.task?.cancel() }
    }

    /// Sets or moves the moment; nil clears it.
    func set(at due: ContinuousClock.Instant?) {
        state.withLock { state in
            guard due != state.due else { return }
            state.task?.cancel()
            state.due = due
            state.task = due.map { due in
                Task { [weak self] in
                    guard (try? await Task.sleep(until: due, clock: .continuous)) != nil else { return }
                    self?.fire(due)
                }
            }
        }
    }

    /// Clears the moment.
    func cancel() {
        set(at: nil)
    }

    private func fire(_ due: ContinuousClock.Instant) {
        let isCurrent = state.withLock { state in
            guard state.due == due else { return false }
            state.due = nil
            state.task = nil
            return true
        }
        if isCurrent { action() }
    }
}
