public import Foundation

/// What a provisioning run did.
public struct ProvisioningReport: Sendable, Hashable, Codable {
    /// What was done for one participant, or for the CA.
    public enum Action: String, Sendable, Hashable, Codable {
        /// Key, certificate and configuration are new.
        case created
        /// A half-finished earlier run was finished; no key was replaced.
        case completed
        /// Everything was there and stays.
        case kept
        /// Key and certificate were replaced on request.
        case renewed
    }

    /// One participant.
    public struct Entry: Sendable, Hashable, Codable {
        /// Who.
        public var identity: ParticipantIdentity
        /// What was done.
        public var action: Action
        /// The folder with its files.
        public var folder: String
        /// The serial number of its certificate.
        public var serial: String
        /// When its certificate ends.
        public var notAfter: Date
        /// Whole days until then.
        public var daysLeft: Int
    }

    /// The CA's folder, which never leaves the machine.
    public var authorityFolder: String
    /// What was done for the CA.
    public var authority: Action
    /// When the CA's certificate ends.
    public var authorityNotAfter: Date
    /// The participants, the coordinator first, in the order of the file.
    public var entries: [Entry] = []
    /// What somebody should look at, such as certificates that end soon.
    public var warnings: [String] = []
    /// What kept a participant from being provisioned; the others are done.
    public var problems: [String] = []

    /// How many participants had a thing done.
    public func count(_ action: Action) -> Int {
        entries.count { $0.action == action }
    }
}
