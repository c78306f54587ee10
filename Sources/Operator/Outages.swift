/// How patient a follower is with a coordinator that goes away: it waits a while for it to come back, and gives up on one
/// that ends again and again while its job gets no further.
///
/// A pure value: tell it what is heard and missed, do as it says.
struct Outages: Sendable {
    /// What to do after a stream has ended before the job.
    enum Verdict: Equatable {
        /// Try again; the outage began just now when `isNew`.
        case wait(isNew: Bool)
        /// The coordinator stays away.
        case tooLong
        /// The coordinator comes back, but the job completes no round between its endings.
        case tooOften
    }

    /// For so long a coordinator that was there may be away.
    static let longest = Duration.seconds(120)
    /// So many outages without a completed round in between are borne.
    static let most = 10

    /// Outages since the job was seen to complete a round.
    private(set) var count = 0
    private var rounds = 0
    private var since: ContinuousClock.Instant?

    /// The coordinator is there, and the job has completed so many rounds.
    mutating func heard(rounds completed: Int) {
        since = nil
        guard completed > rounds else { return }
        rounds = completed
        count = 0
    }

    /// The coordinator is not there, or not any more.
    mutating func missed(at now: ContinuousClock.Instant) -> Verdict {
        guard let since else {
            self.since = now
            count += 1
            return count > Self.most ? .tooOften : .wait(isNew: true)
        }
        return now - since < Self.longest ? .wait(isNew: false) : .tooLong
    }
}
