internal import Dispatch
internal import Logging

/// Removes files that nothing refers to any more, one after the other on a thread of its own: freeing a large file takes
/// time that no round should wait for. What it does not get to is removed at the next start.
final class Janitor: Sendable {
    private let queue = DispatchQueue(label: "tributary.janitor", qos: .utility)
    private let logger: Logger

    init(logger: Logger) {
        self.logger = logger
    }

    /// Runs `body` soon.
    func sweep(_ body: @escaping @Sendable () throws -> Void) {
        queue.async { [logger] in
            do {
                try body()
            } catch {
                logger.notice("left-over files stay until the next start", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Waits until everything asked for before is done.
    func drain() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async { continuation.resume() }
        }
    }
}
