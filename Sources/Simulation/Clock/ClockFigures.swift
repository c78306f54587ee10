internal import Foundation

/// What a round, or a whole run, took and cost by the virtual clock. Attempts that failed count with the round that they
/// were made for.
public struct ClockFigures: Sendable, Hashable, Codable {
    /// Simulated seconds from the start of the job to the end of the round.
    public var time: Double
    /// Simulated seconds since the end of the round before, waiting for clients included.
    public var seconds: Double
    /// Attempts that failed.
    public var failedAttempts: Int
    /// Tasks that were handed out.
    public var tasks: Int
    /// Of these, the ones that were trained on this machine: the results of the others could not have been used.
    public var trained: Int
    /// Tasks that were still under way at their round's deadline.
    public var late: Int
    /// Tasks that were under way when their round was over before its deadline: it had enough updates, or had failed.
    public var cancelled: Int
    /// Tasks whose client dropped out.
    public var dropped: Int
    /// Seconds in which clients loaded, trained and sent.
    public var clientSeconds: Double
    /// Of these, for results that went into no weights.
    public var wastedSeconds: Double
    /// Bytes that clients received, parts of transfers included.
    public var bytesDown: Int
    /// Bytes that clients sent, parts of transfers included.
    public var bytesUp: Int
    /// Of both, for results that went into no weights.
    public var wastedBytes: Int

    /// The sum of rounds, at the time of the latest; nil for none.
    public static func total(_ rounds: [ClockFigures]) -> ClockFigures? {
        guard var total = rounds.first else { return nil }
        for round in rounds.dropFirst() {
            total.time = max(total.time, round.time)
            total.seconds += round.seconds
            total.failedAttempts += round.failedAttempts
            total.tasks += round.tasks
            total.trained += round.trained
            total.late += round.late
            total.cancelled += round.cancelled
            total.dropped += round.dropped
            total.clientSeconds += round.clientSeconds
            total.wastedSeconds += round.wastedSeconds
            total.bytesDown += round.bytesDown
            total.bytesUp += round.bytesUp
            total.wastedBytes += round.wastedBytes
        }
        return total
    }

    /// The share of the clients' time that went into no weights.
    public var wastedShare: Double { clientSeconds > 0 ? wastedSeconds / clientSeconds : 0 }

    /// One line for people.
    ///
    /// - Parameter rounds: how many rounds were completed.
    public func summary(rounds: Int) -> String {
        var text = String(
            format: "%.1f simulated seconds, %.2f a round; %ld tasks: %ld late, %ld cancelled, %ld dropped out", time,
            seconds / Double(max(1, rounds)), tasks, late, cancelled, dropped)
        if failedAttempts > 0 { text += "; \(failedAttempts) failed attempt\(failedAttempts == 1 ? "" : "s")" }
        return text + String(format: "; %.1f %% of %.1f client seconds wasted", 100 * wastedShare, clientSeconds)
    }
}
