internal import Synchronization

/// What many hand in and one reader takes out, everything that waits at once: what came while the reader was busy is
/// then done together.
final class Mailbox<Element: Sendable>: Sendable {
    private struct State {
        var waiting: [Element] = []
        var isFinished = false
    }

    private let state = Mutex(State())
    private let signals: AsyncStream<Void>
    private let signal: AsyncStream<Void>.Continuation

    init() {
        (signals, signal) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds an element. Returns false when nothing is taken any more.
    @discardableResult
    func post(_ element: Element) -> Bool {
        let isTaken = state.withLock { state in
            guard !state.isFinished else { return false }
            state.waiting.append(element)
            return true
        }
        if isTaken { signal.yield() }
        return isTaken
    }

    /// Takes nothing more; what waits can still be taken out.
    func finish() {
        state.withLock { $0.isFinished = true }
        signal.finish()
    }

    /// Everything that waits, in the order in which it came, at least one element; nil when it is finished and empty, or
    /// the task is cancelled. For one reader.
    func take() async -> [Element]? {
        while !Task.isCancelled {
            let (batch, isFinished) = state.withLock { state in
                defer { state.waiting = [] }
                return (state.waiting, state.isFinished)
            }
            if !batch.isEmpty { return batch }
            if isFinished { return nil }
            var iterator = signals.makeAsyncIterator()
            _ = await iterator.next()
        }
        return nil
    }

    /// Everything that waits now.
    func drain() -> [Element] {
        state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
    }
}
