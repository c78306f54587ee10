internal import Dispatch
internal import Identity
internal import Logging
internal import Synchronization

/// The audit log on a queue of its own, so that nobody waits for the disk who need not.
///
/// What cannot be written, because the disk is full, waits and is written before what comes later.
final class AuditTrail: Sendable {
    /// The most events that wait for space; later ones are dropped, which the coordinator's own log says.
    static let mostWaiting = 10_000

    let log: AuditLog
    private let logger: Logger
    private let append: @Sendable ([AuditEvent]) throws -> Void
    private let queue = DispatchQueue(label: "tributary.audit")
    /// Oldest first; nearly always empty between two events.
    private let waiting = Mutex<[AuditEvent]>([])

    /// - Parameter append: writes events durably, all or none; to `log` unless given.
    init(log: AuditLog, logger: Logger, append: (@Sendable ([AuditEvent]) throws -> Void)? = nil) {
        self.log = log
        self.logger = logger
        self.append = append ?? { try log.append($0) }
    }

    /// Records an event soon, in the order of the calls.
    func record(_ kind: AuditKind, subject: String, detail: [String: String] = [:]) {
        queue.async { [self] in
            let event = AuditEvent(kind: kind, subject: subject, detail: detail)
            let isKept = waiting.withLock { waiting in
                guard waiting.count < Self.mostWaiting else { return false }
                waiting.append(event)
                return true
            }
            if !isKept {
                logger.error(
                    "an event is missing in the audit log", metadata: ["kind": "\(kind)", "subject": "\(subject)"])
            }
            writeWaiting()
        }
    }

    /// Records an event and returns when it is durable.
    ///
    /// - Throws: when it, or one before it, cannot be written; it is not recorded then.
    func recordDurably(_ kind: AuditKind, subject: String, detail: [String: String] = [:]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.async { [self] in
                continuation.resume(
                    with: Result {
                        try write()
                        try append([AuditEvent(kind: kind, subject: subject, detail: detail)])
                    })
            }
        }
    }

    /// Waits until everything recorded before is durable, or was tried once more.
    func drain() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async { [self] in
                writeWaiting()
                continuation.resume()
            }
        }
    }

    private func writeWaiting() {
        do {
            try write()
        } catch {
            let count = waiting.withLock { $0.count }
            logger.error(
                "cannot write the audit log: its events wait", metadata: ["error": "\(error)", "waiting": "\(count)"])
        }
    }

    /// Only on the queue.
    private func write() throws {
        while true {
            let batch = waiting.withLock { Array($0.prefix(AuditLog.batchLimit)) }
            guard !batch.isEmpty else { return }
            try append(batch)
            waiting.withLock { $0.removeFirst(batch.count) }
        }
    }
}
