/// What happened, in one word pair. Names are stable; new ones may be added anywhere.
public struct AuditKind: RawRepresentable, Sendable, Hashable, Codable, ExpressibleByStringLiteral {
    /// The name as it stands in the log.
    public var rawValue: String

    /// A kind by its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// A kind by its name.
    public init(stringLiteral value: String) { rawValue = value }

    /// The coordinator started; detail: version, folder.
    public static let started: AuditKind = "coordinator.started"
    /// The coordinator stopped in order.
    public static let stopped: AuditKind = "coordinator.stopped"
    /// A peer was refused; detail: cause, reason, peer, serial.
    public static let peerRefused: AuditKind = "peer.refused"
    /// A client's session began; detail: peer, serial, software.
    public static let sessionOpened: AuditKind = "session.opened"
    /// A client's session ended; detail: reason.
    public static let sessionClosed: AuditKind = "session.closed"
    /// A job was submitted; detail: job, name, digest.
    public static let jobSubmitted: AuditKind = "job.submitted"
    /// A job was stopped, paused or continued by an operator; detail: job, action, reason.
    public static let jobControlled: AuditKind = "job.controlled"
    /// A job ended; detail: job, state, reason.
    public static let jobEnded: AuditKind = "job.ended"
    /// Weights were exported; detail: job, round, digest.
    public static let weightsExported: AuditKind = "weights.exported"
    /// An update was refused; detail: job, round, reason.
    public static let updateRefused: AuditKind = "update.refused"
    /// A message of secure aggregation was refused; detail: job, round, attempt, code, reason.
    public static let secureMessageRefused: AuditKind = "secure.refused"
    /// A participant was revoked; detail: reason, by.
    public static let revoked: AuditKind = "participant.revoked"
    /// A revocation was taken back; detail: reason, by.
    public static let reinstated: AuditKind = "participant.reinstated"
    /// The log's last write had not finished before a crash and was cut off; detail: bytes.
    public static let logRepaired: AuditKind = "log.repaired"
}
