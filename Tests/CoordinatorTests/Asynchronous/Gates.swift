import Synchronization
import WireMessages

/// Doors that a test opens by name, in its own order; who comes to one that is open passes.
final class Gates: Sendable {
    private struct State {
        var open: Set<String> = []
        var isOpenForAll = false
        var waiting: [String: [Int: CheckedContinuation<Void, Never>]] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    func open(_ names: String...) {
        let waiters = state.withLock { state in
            state.open.formUnion(names)
            return names.flatMap { state.waiting.removeValue(forKey: $0).map { Array($0.values) } ?? [] }
        }
        for waiter in waiters { waiter.resume() }
    }

    func openAll() {
        let waiters = state.withLock { state in
            state.isOpenForAll = true
            defer { state.waiting = [:] }
            return state.waiting.values.flatMap(\.values)
        }
        for waiter in waiters { waiter.resume() }
    }

    func wait(_ name: String) async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let passes = state.withLock { state in
                    if state.isOpenForAll || state.open.contains(name) || Task.isCancelled { return true }
                    state.waiting[name, default: [:]][number] = continuation
                    return false
                }
                if passes { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting[name]?.removeValue(forKey: number) }?.resume()
        }
    }

    /// A site that begins a task of version 3 when `<name>3` is open.
    func site(_ name: String, examples: [String: Int] = ["train": 10]) -> ScriptedSite {
        ScriptedSite(name, examples: examples, gate: { [self] in await wait("\(name)\($0.identity.round)") })
    }
}
