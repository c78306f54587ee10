public import Foundation

/// Who may not come in although the certificate is good.
///
/// A revoked participant is denied. Once reinstated, certificates issued after the revocation are admitted; those
/// issued before it, or seen in use before it, stay denied for ever: a stolen key does not come back. The time of
/// issue is the beginning of validity plus ``CertificateAuthority/backdating``.
///
/// A plain value: whoever owns it stores it and answers ``PeerAdmission`` from it.
public struct RevocationList: Sendable, Hashable, Codable {
    /// What is known about one participant.
    public struct Entry: Sendable, Hashable, Codable {
        /// When it was last revoked; nil when never.
        public var revokedAt: Date?
        /// When the last revocation was taken back; nil while it holds.
        public var reinstatedAt: Date?
        /// Why it was last revoked.
        public var reason: String
        /// Serial numbers seen in use since the last revocation (or ever), at most 64.
        public var seenSerials: [String]
        /// Serial numbers that are denied for ever.
        public var deniedSerials: [String]

        /// An entry, as it was stored.
        public init(
            revokedAt: Date? = nil,
            reinstatedAt: Date? = nil,
            reason: String = "",
            seenSerials: [String] = [],
            deniedSerials: [String] = []
        ) {
            self.revokedAt = revokedAt
            self.reinstatedAt = reinstatedAt
            self.reason = reason
            self.seenSerials = seenSerials
            self.deniedSerials = deniedSerials
        }

        /// Whether the participant is revoked now.
        public var isRevoked: Bool { revokedAt != nil && reinstatedAt == nil }
    }

    static let serialLimit = 64

    /// The entries by identity.
    public private(set) var entries: [ParticipantIdentity: Entry]

    /// A list, as it was stored.
    public init(entries: [ParticipantIdentity: Entry] = [:]) {
        self.entries = entries
    }

    /// Revokes a participant, known or not. Returns false when it is revoked already; then the time stays and nothing
    /// changes.
    @discardableResult
    public mutating func revoke(_ identity: ParticipantIdentity, at time: Date, reason: String) -> Bool {
        var entry = entries[identity] ?? Entry()
        guard !entry.isRevoked else { return false }
        entry.revokedAt = max(time, entry.revokedAt ?? time)
        entry.reinstatedAt = nil
        entry.reason = reason
        for serial in entry.seenSerials where !entry.deniedSerials.contains(serial) {
            entry.deniedSerials.append(serial)
        }
        entry.seenSerials = []
        entries[identity] = entry
        return true
    }

    /// Takes a revocation back. Returns false when there is none.
    @discardableResult
    public mutating func reinstate(_ identity: ParticipantIdentity, at time: Date) -> Bool {
        guard var entry = entries[identity], entry.isRevoked else { return false }
        entry.reinstatedAt = time
        entries[identity] = entry
        return true
    }

    /// Notes that a certificate was used. Returns false when that was known, so that nothing needs storing.
    @discardableResult
    public mutating func note(serial: String, of identity: ParticipantIdentity) -> Bool {
        var entry = entries[identity] ?? Entry()
        guard !entry.seenSerials.contains(serial), !entry.deniedSerials.contains(serial) else { return false }
        entry.seenSerials.append(serial)
        if entry.seenSerials.count > Self.serialLimit { entry.seenSerials.removeFirst() }
        entries[identity] = entry
        return true
    }

    /// Whether the participant is revoked now.
    public func isRevoked(_ identity: ParticipantIdentity) -> Bool {
        entries[identity]?.isRevoked ?? false
    }

    /// Nil to admit a certificate, otherwise why not. Answers ``PeerAdmission``.
    public func refusalReason(identity: ParticipantIdentity, serial: String, notBefore: Date) -> String? {
        guard let entry = entries[identity], let revokedAt = entry.revokedAt else { return nil }
        let since = "on \(Timestamp.text(revokedAt))\(entry.reason.isEmpty ? "" : " (\(entry.reason))")"
        if entry.isRevoked {
            return "\(identity.role) \(identity.name) was revoked \(since)"
        }
        let issued = notBefore.addingTimeInterval(CertificateAuthority.backdating)
        if issued <= revokedAt || entry.deniedSerials.contains(serial) {
            return
                "\(identity.role) \(identity.name) was reinstated, but this certificate is older than its revocation "
                + "\(since): renew it"
        }
        return nil
    }
}
