internal import Logging
internal import Synchronization

/// What a running coordinator does while its disk is full: it waits with what it has to write, and says so once.
///
/// `minimumFreeDisk` holds jobs long before; but the disk may be filled by others, and at once.
final class FullDisk: Sendable {
    private let folder: String
    private let pause: Duration
    private let logger: Logger
    private let isFull = Mutex(false)

    /// - Parameter pause: after how long to try again.
    init(folder: String, pause: Duration = .seconds(1), logger: Logger) {
        self.folder = folder
        self.pause = pause
        self.logger = logger
    }

    /// Waits until it is worth trying again; false when the task was cancelled.
    func wait() async -> Bool {
        let isNew = isFull.withLock { isFull in
            defer { isFull = true }
            return !isFull
        }
        if isNew {
            logger.error(
                "the disk is full: everything waits until there is space; free some", metadata: ["folder": "\(folder)"])
        }
        do {
            try await Task.sleep(for: pause)
            return true
        } catch {
            return false
        }
    }

    /// A write that waited was done.
    func hasSpace() {
        let wasFull = isFull.withLock { isFull in
            defer { isFull = false }
            return isFull
        }
        if wasFull { logger.notice("there is space on the disk again: going on", metadata: ["folder": "\(folder)"]) }
    }
}
