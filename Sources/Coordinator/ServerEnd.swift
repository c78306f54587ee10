internal import Synchronization

/// Ends a gRPC server, but not before it listens.
///
/// A server that is ended before it begins never listens, and whoever asks its transport where it does waits for ever: a
/// SIGTERM in the first moments left a coordinator that nothing but SIGKILL ended.
final class ServerEnd: Sendable {
    private struct State {
        var hasBegun = false
        var isRequested = false
    }

    private let state = Mutex(State())
    private let end: @Sendable () -> Void

    /// - Parameter end: ends the server; may be called more than once.
    init(_ end: @escaping @Sendable () -> Void) { self.end = end }

    /// Ends the server now, or as soon as it has begun.
    func request() {
        let hasBegun = state.withLock { state in
            state.isRequested = true
            return state.hasBegun
        }
        if hasBegun { end() }
    }

    /// The server listens, or will not. Returns whether it was ended.
    func began() -> Bool {
        let isRequested = state.withLock { state in
            state.hasBegun = true
            return state.isRequested
        }
        if isRequested { end() }
        return isRequested
    }
}
