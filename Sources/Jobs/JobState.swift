/// Where a job stands.
public enum JobState: String, Sendable, Hashable, Codable, CaseIterable {
    /// Accepted; waits for its turn.
    case queued
    /// Rounds run, or it waits for clients.
    case running
    /// Held, by an operator or by the coordinator itself; goes on when resumed.
    case paused
    /// Every round and every evaluation is in.
    case finished
    /// Given up; the reason says why. Its weights stay.
    case failed
    /// Ended by an operator. Its weights stay.
    case stopped

    /// Whether the job is over for good.
    public var isFinal: Bool {
        switch self {
        case .queued, .running, .paused: false
        case .finished, .failed, .stopped: true
        }
    }
}

/// A job's state with the reason for it, or what the job waits for, in a sentence.
public struct JobStatus: Sendable, Hashable, Codable {
    /// Where the job stands.
    public var state: JobState
    /// Why, or what it waits for; may be empty.
    public var reason: String

    /// Creates a status.
    public init(_ state: JobState, reason: String = "") {
        self.state = state
        self.reason = reason
    }
}
