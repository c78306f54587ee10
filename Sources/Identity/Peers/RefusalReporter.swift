internal import Dispatch
internal import Durability
public import Logging
internal import Synchronization

/// Tells the log, the audit log and a hook about each refused peer.
///
/// Refusals come from anyone who can reach the port, so only ``auditedPerMinute`` of them a minute go to the audit
/// log; how many were left out is written with the next one. The log gets all of them. Audit records are written on a
/// queue of their own, so that event loops never wait for the disk.
public final class RefusalReporter: Sendable {
    /// How many refusals a minute are written to the audit log.
    public static let auditedPerMinute = 120

    private struct Budget {
        var windowStart: ContinuousClock.Instant
        var used = 0
        var omitted = 0
    }

    private let logger: Logger
    private let audit: AuditLog?
    private let onRefusal: @Sendable (PeerRefusal) -> Void
    private let budget: Mutex<Budget>
    private let queue = DispatchQueue(label: "tributary.audit.refusals")

    /// A reporter.
    ///
    /// - Parameters:
    ///   - logger: gets one warning a refusal, with `cause`, `peer`, `identity`, `serial` as metadata.
    ///   - audit: gets a `peer.refused` record each, up to the limit.
    ///   - onRefusal: called for every refusal, on any thread; must not block.
    public init(
        logger: Logger,
        audit: AuditLog? = nil,
        onRefusal: @escaping @Sendable (PeerRefusal) -> Void = { _ in }
    ) {
        self.logger = logger
        self.audit = audit
        self.onRefusal = onRefusal
        budget = Mutex(Budget(windowStart: .now))
    }

    /// Reports one refusal.
    public func report(_ refusal: PeerRefusal) {
        var metadata: Logger.Metadata = ["cause": "\(refusal.code.rawValue)", "reason": "\(refusal.message)"]
        if let address = refusal.address { metadata["peer"] = "\(address)" }
        if let identity = refusal.identity { metadata["identity"] = "\(identity)" }
        if let serial = refusal.serial { metadata["serial"] = "\(serial)" }
        // Port scans, health probes and dropped connections are no news; a failed identity is.
        logger.log(level: refusal.code == .handshakeFailed ? .info : .warning, "peer refused", metadata: metadata)
        onRefusal(refusal)
        guard let audit, refusal.code != .handshakeFailed, let omitted = spend() else { return }
        queue.async { [logger] in
            var detail = ["cause": refusal.code.rawValue, "reason": refusal.message]
            detail["peer"] = refusal.address
            detail["serial"] = refusal.serial
            if omitted > 0 { detail["omitted"] = String(omitted) }
            do {
                try audit.append(kind: .peerRefused, subject: refusal.identity?.uri ?? "unknown", detail: detail)
            } catch {
                logger.error("cannot write the audit log", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Waits until all refusals reported before are in the audit log.
    public func drain() {
        queue.sync {}
    }

    /// Takes one record from the budget: the number of refusals omitted before it, or nil when the minute's budget is
    /// spent.
    private func spend(now: ContinuousClock.Instant = .now) -> Int? {
        budget.withLock { budget in
            if now - budget.windowStart >= .seconds(60) {
                budget.windowStart = now
                budget.used = 0
            }
            guard budget.used < Self.auditedPerMinute else {
                budget.omitted += 1
                return nil
            }
            budget.used += 1
            defer { budget.omitted = 0 }
            return budget.omitted
        }
    }
}
