public import Foundation
public import WireMessages

/// Where a job stands, as `--json` prints it.
public struct JobView: Codable, Sendable, Equatable {
    /// The identifier.
    public var job: String
    /// The name in its specification.
    public var name: String
    /// Who submitted it.
    public var `operator`: String
    /// queued, running, paused, finished, failed or stopped.
    public var state: String
    /// Why it is in that state, or what it waits for.
    public var reason: String
    /// Rounds completed.
    public var rounds: Int
    /// Rounds asked for.
    public var roundsTotal: Int
    /// When it was submitted.
    public var submitted: Date
    /// When it ended.
    public var ended: Date?
    /// The best round by the job's `selectBy`.
    public var bestRound: Int?
    /// The newest evaluated round.
    public var evaluatedRound: Int?
    /// The metrics of that round.
    public var metrics: [String: Double]
    /// SHA-256 of the newest global weights.
    public var digest: String

    /// Reads the wire form.
    public init(_ summary: Tributary_V1_JobSummary) {
        job = summary.job
        name = summary.name
        self.operator = summary.operator
        state = summary.state
        reason = summary.reason
        rounds = Int(summary.roundsCompleted)
        roundsTotal = Int(summary.roundsTotal)
        submitted = Date(milliseconds: summary.submittedMilliseconds)
        ended = summary.endedMilliseconds == 0 ? nil : Date(milliseconds: summary.endedMilliseconds)
        bestRound = summary.hasBestRound ? Int(summary.bestRound) : nil
        evaluatedRound = summary.hasEvaluatedRound ? Int(summary.evaluatedRound) : nil
        metrics = summary.metrics
        digest = summary.weightsDigest
    }

    /// Whether the job has ended.
    public var hasEnded: Bool { ["finished", "failed", "stopped"].contains(state) }
}

extension Date {
    /// The date of a wire time stamp.
    init(milliseconds: UInt64) {
        self.init(timeIntervalSince1970: Double(milliseconds) / 1000)
    }
}
