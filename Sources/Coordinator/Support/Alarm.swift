internal import Synchronization

/// One moment at which something has to be done; setting it again moves it.
///
/// A moment that moves to later, as most do, leaves the timer as it is: when it goes off too early it is set again. So
/// moving costs nothing, and grants and rounds move it thousands of times.
///
/// The task is unstructured because the moment belongs to no caller: it is set and moved from synchronous code under
/// changing callers. Its handle is kept, and `cancel()` ends it.
final class Alarm: Sendable {
    private struct State {
        var task: Task<Void, Never>?
        /// When the task wakes up.
        var wakes: ContinuousClock.Instant?
        /// When the action is due; nil for never.
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
            state.due = due
            guard let due else { return }
            if let wakes = state.wakes, wakes <= due { return }
            schedule(due, &state)
        }
    }

    /// Clears the moment and ends the timer.
    func cancel() {
        state.withLock { state in
            state.task?.cancel()
            state = State()
        }
    }

    private func schedule(_ moment: ContinuousClock.Instant, _ state: inout State) {
        state.task?.cancel()
        state.wakes = moment
        state.task = Task { [weak self] in
            guard (try? await Task.sleep(until: moment, clock: .continuous)) != nil else { return }
            self?.wake(moment)
        }
    }

    private func wake(_ moment: ContinuousClock.Instant) {
        let isDue = state.withLock { state in
            // Another timer took this one's place while it woke up.
            guard state.wakes == moment else { return false }
            state.wakes = nil
            state.task = nil
            guard let due = state.due else { return false }
            guard due <= moment else {
                schedule(due, &state)
                return false
            }
            state.due = nil
            return true
        }
        if isDue { action() }
    }
}
