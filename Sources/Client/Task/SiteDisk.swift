import Durability
import Logging
import Wire

/// Holds tasks while the site's disk has no room for what they write: a task that failed for want of space would cost the
/// job an attempt at once, and the next, and the job.
struct SiteDisk: Sendable {
    /// Room beside the files of a task: records, logs.
    private static let reserve: Int64 = 1 << 20
    /// The largest size that is reckoned with.
    private static let largest: Int64 = 1 << 50

    /// The state folder.
    let folder: String
    /// How much is free there; nil when that cannot be found out, which counts as enough.
    let freeBytes: @Sendable () -> Int64?
    /// After how long to look again.
    let pause: Duration
    let logger: Logger

    init(
        folder: String, pause: Duration = .seconds(10), logger: Logger, freeBytes: (@Sendable () -> Int64?)? = nil
    ) {
        self.folder = folder
        self.pause = pause
        self.logger = logger
        self.freeBytes = freeBytes ?? { try? PosixFileSystem().freeBytes(at: folder) }
    }

    /// Carries a task out, and anew when it failed for want of space, once there is some.
    ///
    /// - Parameter weightsBytes: the size of the model. A task that trains writes about twice that at a time, so that much is
    ///   waited for.
    /// - Throws: what `body` throws for another reason; `CancellationError` when the task is given up while it waits.
    func holding<Value>(
        _ task: TaskIdentity, weightsBytes: Int64, _ body: () async throws -> Value
    ) async throws -> Value {
        let bytes = min(max(0, weightsBytes), Self.largest)
        while true {
            do {
                return try await body()
            } catch let error where isForSpace(error, bytes) {
                try Task.checkCancellation()
                logger.error(
                    "the disk is full: the task waits until there is space, free some",
                    metadata: [
                        "task": "\(task)", "folder": "\(folder)", "needed": "\(2 * bytes + Self.reserve) bytes",
                        "reason": "\(error)",
                    ])
            }
            repeat { try await Task.sleep(for: pause) } while isShort(2 * bytes)
            logger.notice("there is space on the disk again: the task begins anew", metadata: ["task": "\(task)"])
        }
    }

    /// A trainer says no more than that it could not write, so the disk itself is asked as well.
    private func isForSpace(_ error: any Error, _ bytes: Int64) -> Bool {
        if error is CancellationError || error is SiteRules.Refusal { return false }
        return (error as? DurabilityError)?.code == .noSpace || isShort(bytes)
    }

    private func isShort(_ bytes: Int64) -> Bool {
        guard let free = freeBytes() else { return false }
        return free < bytes + Self.reserve
    }
}
