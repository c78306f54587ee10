/// What corruption leaves to each client, for `tributary partition --describe` and for reports.
///
/// Pure: it needs the clients' labels and nothing of their data.
///
/// ```swift
/// let summary = try CorruptionSummary.describe(
///     clients.enumerated().map { .init(name: $1.name, index: UInt32($0), labels: $1.labels) },
///     CorruptionDescription(missingModality: .constant(0.3)), seed: 1, classes: 6, modalities: ["acc", "gyro"])
/// ```
public struct CorruptionSummary: Sendable, Hashable, Codable {
    /// The samples of one client, before corruption.
    public struct Source: Sendable, Hashable {
        /// The client's name.
        public var name: String
        /// Its number in the draws; in the mode `faithful` the position in the benchmark's partition (UCI-HAR: from 2).
        public var index: UInt32
        /// The class of each sample.
        public var labels: [Int]

        /// Describes a client.
        public init(name: String, index: UInt32, labels: [Int]) {
            self.name = name
            self.index = index
            self.labels = labels
        }
    }

    /// One client, after corruption.
    public struct Client: Sendable, Hashable, Codable {
        /// The client's name.
        public var name: String
        /// Its number in the draws.
        public var index: UInt32
        /// The number of samples that it had.
        public var examples: Int
        /// The number of samples that it trains on.
        public var kept: Int
        /// Whether nothing is left, so that it sits out.
        public var isSkipped: Bool
        /// By name, how many of its samples lack a modality.
        public var missing: [String: Int]
        /// How many of its samples have no label.
        public var unlabelled: Int
        /// How many of its labels are wrong.
        public var changedLabels: Int
        /// The samples that it trains on by the label that it sees.
        public var classes: [Int]
        /// The rates that hold for it.
        public var rates: ClientCorruption.Rates
    }

    /// The clients in the order given.
    public var clients: [Client]
    /// How many clients have nothing left.
    public var skippedClients: Int
    /// All samples before corruption.
    public var examples: Int
    /// All samples that are trained on.
    public var kept: Int
    /// All wrong labels, also of samples that are dropped.
    public var changedLabels: Int

    /// Draws the corruption of every client.
    ///
    /// - Parameters:
    ///   - classes: K.
    ///   - modalities: the names of the modalities, in the data set's order.
    ///   - taken: the positions of those that the model takes: a sample without any of them is not trained on; all when
    ///     nil.
    /// - Throws: `DatasetError` as `CorruptionSimulator` does.
    public static func describe(
        _ sources: [Source],
        _ description: CorruptionDescription,
        seed: UInt64,
        classes: Int,
        modalities: [String],
        taken: [Int]? = nil
    ) throws(DatasetError) -> CorruptionSummary {
        let simulator = try CorruptionSimulator(description, seed: seed)
        var clients: [Client] = []
        for source in sources {
            let outcome = try simulator.training(
                client: source.index, labels: source.labels, classes: classes, modalities: modalities.count)
            let kept = outcome.kept(modalities: taken)
            var counts = Array(repeating: 0, count: classes)
            for sample in kept { counts[outcome.labels[sample]] += 1 }
            clients.append(
                Client(
                    name: source.name, index: source.index, examples: outcome.count, kept: kept.count,
                    isSkipped: kept.isEmpty,
                    missing: Dictionary(zip(modalities, outcome.missingCounts), uniquingKeysWith: max),
                    unlabelled: outcome.unlabelled.count { $0 }, changedLabels: outcome.changedLabels, classes: counts,
                    rates: outcome.rates))
        }
        return CorruptionSummary(
            clients: clients, skippedClients: clients.count { $0.isSkipped },
            examples: clients.reduce(0) { $0 + $1.examples }, kept: clients.reduce(0) { $0 + $1.kept },
            changedLabels: clients.reduce(0) { $0 + $1.changedLabels })
    }
}
