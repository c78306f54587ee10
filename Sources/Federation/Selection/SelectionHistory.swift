public import Jobs

/// What the committed rounds of a job have shown of its clients, as far as selection looks at it.
///
/// Only what is durable counts, so that an engine made from the store draws the cohorts that the one before it would have.
public struct SelectionHistory: Sendable, Hashable, Codable {
    /// One client.
    public struct Entry: Sendable, Hashable, Codable {
        /// The last committed round that has an update of the client; nil before the first.
        public var lastRound: Int?
        /// How many examples that update counted.
        public var examples = 0
        /// Its mean training loss an example; nil where it is not known or not finite.
        public var loss: Double?
        /// How long the client took: from the draw of the cohort to the commit of the update.
        public var milliseconds: Int64 = 0
        /// At how many committed draws the client was ready.
        public var present = 0

        /// A client of which nothing is known.
        public init() {}

        /// Takes an update that is in a committed round.
        public mutating func take(_ statistics: TaskStatistics, round: Int, milliseconds: Int64) {
            lastRound = round
            examples = statistics.examples
            self.milliseconds = max(0, milliseconds)
            let mean = statistics.sums["loss"].map { $0 / Double(max(1, statistics.examples)) }
            loss = mean.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// By client; those of which nothing is known are not there.
    public var entries: [String: Entry]

    /// A history.
    public init(entries: [String: Entry] = [:]) { self.entries = entries }

    /// What is known of a client.
    public subscript(client: String) -> Entry { entries[client] ?? Entry() }

    /// Takes a committed round.
    ///
    /// - Parameter arrivals: when each update was committed, milliseconds since 1970.
    public mutating func take(_ result: RoundResult, arrivals: [String: Int64]) {
        for update in result.admitted {
            let end = arrivals[update.client] ?? result.completedAt
            entries[update.client, default: Entry()].take(
                update.statistics, round: result.round, milliseconds: end - result.startedAt)
        }
    }

    /// Takes a committed draw.
    public mutating func notePresent(_ clients: [String]) {
        for client in clients { entries[client, default: Entry()].present += 1 }
    }
}
