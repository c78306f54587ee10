internal import Dispatch
internal import Identity
internal import Logging

/// The audit log on a queue of its own, so that nobody waits for the disk who need not.
final class AuditTrail: Sendable {
    let log: AuditLog
    private let logger: Logger
    private let queue = DispatchQueue(label: "tributary.audit")

    init(log: AuditLog, logger: Logger) {
        self.log = log
        self.logger = logger
    }

    /// Records an event soon, in the order of the calls.
    func record(_ kind: AuditKind, subject: String, detail: [String: String] = [:]) {
        queue.async { [self] in
            do {
                try log.append(kind: kind, subject: subject, detail: detail)
            } catch {
                logger.error("cannot write the audit log", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Records an event and returns when it is durable.
    func recordDurably(_ kind: AuditKind, subject: String, detail: [String: String] = [:]) async throws {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            queue.async { [log] in
                continuation.resume(
                    with: Result { _ = try log.append(kind: kind, subject: subject, detail: detail) })
            }
        }
    }

    /// Waits until everything recorded before is durable.
    func drain() async {
        await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
            queue.async { continuation.resume() }
        }
    }
}
