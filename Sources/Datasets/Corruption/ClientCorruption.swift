/// What corruption does to the samples of one client, as flags and labels; the data themselves stay as they are.
///
/// Samples are numbered as the client's labels were given to the simulator.
public struct ClientCorruption: Sendable, Hashable {
    /// Which modalities are missing where.
    public enum Absence: Sendable, Hashable {
        /// Nothing is missing.
        case nothing
        /// One flag a modality, for all samples.
        case client([Bool])
        /// One flag a sample, for each modality.
        case samples([[Bool]])
    }

    /// The rates that hold for this client.
    public struct Rates: Sendable, Hashable, Codable {
        /// Of missing modalities.
        public var missingModality: Double
        /// Of missing labels.
        public var missingLabels: Double
        /// Of wrong labels.
        public var erroneousLabels: Double
    }

    /// The number of modalities.
    public let modalityCount: Int
    /// Which modalities are missing where.
    public let absence: Absence
    /// The label of each sample, after errors.
    public let labels: [Int]
    /// Whether a sample has lost its label; empty when none has.
    public let unlabelled: [Bool]
    /// How many labels differ from the given ones.
    public let changedLabels: Int
    /// The rates that hold for this client.
    public let rates: Rates
    /// For each modality, the number of samples that lack it.
    public let missingCounts: [Int]

    init(
        modalityCount: Int,
        absence: Absence,
        original: [Int],
        labels: [Int],
        unlabelled: [Bool],
        rates: Rates
    ) {
        self.modalityCount = modalityCount
        self.absence = absence
        self.labels = labels
        self.unlabelled = unlabelled
        self.rates = rates
        changedLabels = zip(original, labels).count { $0 != $1 }
        missingCounts =
            switch absence {
            case .nothing: Array(repeating: 0, count: modalityCount)
            case .client(let flags): flags.map { $0 ? labels.count : 0 }
            case .samples(let flags): flags.map { own in own.count { $0 } }
            }
    }

    /// The number of samples.
    public var count: Int { labels.count }

    /// Whether all samples are as they were.
    public var changesNothing: Bool {
        changedLabels == 0 && missingCounts.allSatisfy { $0 == 0 } && !unlabelled.contains(true)
    }

    /// Whether a sample lacks a modality.
    public func isMissing(modality: Int, sample: Int) -> Bool {
        switch absence {
        case .nothing: false
        case .client(let flags): flags[modality]
        case .samples(let flags): flags[modality][sample]
        }
    }

    /// The samples that can still be used: with a label and at least one modality, in their order.
    ///
    /// - Parameter modalities: the modalities that count, those that a model takes; all when nil.
    public func kept(modalities: [Int]? = nil) -> [Int] {
        let taken = modalities ?? Array(0..<modalityCount)
        return labels.indices.filter { sample in
            (unlabelled.isEmpty || !unlabelled[sample])
                && taken.contains { !isMissing(modality: $0, sample: sample) }
        }
    }

    /// Whether nothing is left, so that the client has to sit out.
    public var isSkipped: Bool { kept().isEmpty }
}
