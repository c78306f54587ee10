/// What a participant is in the federation. A certificate of one role is refused in another.
public enum Role: String, Codable, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// The service that runs the rounds.
    case coordinator
    /// A daemon at a data site.
    case client
    /// A person or script that submits and watches jobs.
    case `operator`

    /// The name as it stands in certificates and on the wire.
    public var description: String { rawValue }
}
