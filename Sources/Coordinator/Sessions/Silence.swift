/// Tells when a peer that should send a heartbeat now and then has been silent for three of them.
///
/// Two pass by the clock. The third is waited for from the moment at which this is asked: a coordinator that was held up
/// itself first hears what came meanwhile.
struct Silence: Sendable {
    /// What to do now.
    enum Step: Sendable, Hashable {
        /// Ask again at that moment.
        case wait(ContinuousClock.Instant)
        /// The peer is gone.
        case over
    }

    let heartbeat: Duration
    /// What was heard last when the last heartbeat of patience began, and its end.
    private var last: (heard: ContinuousClock.Instant, end: ContinuousClock.Instant)?

    init(heartbeat: Duration) {
        self.heartbeat = heartbeat
    }

    /// - Parameter heard: when the peer was heard last.
    mutating func next(heard: ContinuousClock.Instant, now: ContinuousClock.Instant) -> Step {
        if let last, last.heard == heard { return now < last.end ? .wait(last.end) : .over }
        last = nil
        let due = heard.advanced(by: heartbeat * 2)
        guard due <= now else { return .wait(due) }
        let end = now.advanced(by: heartbeat)
        last = (heard, end)
        return .wait(end)
    }
}
