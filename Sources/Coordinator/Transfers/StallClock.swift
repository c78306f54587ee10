internal import Synchronization

/// The time of all stall watches: one timer for however many transfers run.
///
/// A timer for each transfer would stay with the runtime for its whole time also after the transfer ended: short rounds
/// with many clients left tens of thousands of them behind.
final class StallClock: Sendable {
    /// That of this process.
    static let shared = StallClock()

    private struct Entry {
        var watch: StallWatch
        var end: AsyncStream<Void>.Continuation
    }

    private struct State {
        var next = 0
        var entries: [Int: Entry] = [:]
        /// When the watches are looked at next.
        var look: ContinuousClock.Instant?
    }

    private let state = Mutex(State())
    private let alarm = Mutex<Alarm?>(nil)

    init() {
        let alarm = Alarm { [weak self] in self?.lookAtAll() }
        self.alarm.withLock { $0 = alarm }
    }

    /// How many watches there are.
    var count: Int { state.withLock { $0.entries.count } }

    /// Begins to look after a watch.
    ///
    /// - Parameter end: gets an element when the watch is due.
    func add(_ watch: StallWatch, _ end: AsyncStream<Void>.Continuation) -> Int {
        let due = watch.due
        return state.withLock { state in
            state.next += 1
            state.entries[state.next] = Entry(watch: watch, end: end)
            if let due, state.look.map({ due < $0 }) ?? true { look(at: due, &state) }
            return state.next
        }
    }

    /// Ends looking after a watch.
    func remove(_ number: Int) {
        state.withLock { _ = $0.entries.removeValue(forKey: number) }
    }

    private func lookAtAll() {
        let now = ContinuousClock.now
        let stalled = state.withLock { state in
            var stalled: [AsyncStream<Void>.Continuation] = []
            var next: ContinuousClock.Instant?
            for (number, entry) in state.entries {
                guard let due = entry.watch.due else { continue }
                if due <= now {
                    stalled.append(entry.end)
                    state.entries[number] = nil
                } else {
                    next = min(next ?? due, due)
                }
            }
            look(at: next, &state)
            return stalled
        }
        for end in stalled { end.yield() }
    }

    /// Under the lock, so that a later moment cannot take the place of an earlier one.
    private func look(at moment: ContinuousClock.Instant?, _ state: inout State) {
        state.look = moment
        alarm.withLock { $0 }?.set(at: moment)
    }
}
