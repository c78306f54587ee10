public import Foundation
public import Jobs

/// What came of one or several runs of one job: `report.json`.
public struct SimulationReport: Sendable, Codable {
    /// One run.
    public struct Run: Sendable, Codable {
        /// The seed.
        public var seed: UInt64
        /// Whether all rounds are done.
        public var isComplete: Bool
        /// Completed rounds.
        public var rounds: Int
        /// The metrics of every held-out split after the last evaluated round.
        public var last: [String: [String: Double]]
        /// The round with the best `selectBy` on the job's split.
        public var bestRound: Int?
        /// The metrics of every held-out split at that round.
        public var best: [String: [String: Double]]
        /// The confusion matrices of the last evaluated round, by split.
        public var confusion: [String: [[Int]]]
        /// How each metric was spread over the clients at the last evaluation of each client, if there was any.
        public var clients: [String: MetricDistribution]?
        /// The global model beside each client's own at that evaluation; nil without `evaluation.personalise`.
        public var personalisation: PersonalisationFigures?
        /// How well the sites' models do on other sites' examples; nil without a cross-site evaluation.
        public var crossSite: CrossSiteMatrix.Summary?
        /// What each client contributed, summed over the rounds that were looked at; nil without contribution scores.
        public var contributions: [String: Double]?
        /// SHA-256 of the weights after the last round.
        public var weights: String
        /// Bytes that clients received and sent.
        public var bytesDown: Int
        /// See `bytesDown`.
        public var bytesUp: Int
        /// Seconds of work.
        public var seconds: Double
        /// What the run took and cost by the job's virtual clock; nil without a clock.
        public var clock: ClockFigures?
        /// The clients that were hostile, in order of their names; nil without an attack.
        public var hostile: [String]?
        /// The largest resident memory of the process so far, in bytes.
        public var peakResidentBytes: Int
    }

    /// A figure over the seeds.
    public struct Spread: Sendable, Codable, Hashable {
        /// The mean.
        public var mean: Double
        /// The standard deviation with n − 1; 0 for one run.
        public var deviation: Double
        /// The smallest.
        public var low: Double
        /// The largest.
        public var high: Double
        /// How many runs.
        public var runs: Int

        /// The spread of at least one value.
        public init?(_ values: [Double]) {
            guard let low = values.min(), let high = values.max() else { return nil }
            let mean = values.reduce(0, +) / Double(values.count)
            let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
            self.mean = mean
            deviation = values.count > 1 ? (squares / Double(values.count - 1)).squareRoot() : 0
            self.low = low
            self.high = high
            runs = values.count
        }
    }

    /// The job; its seed is the first run's.
    public var job: JobSpecification
    /// Whether the data were made by a generator: then no figure says anything about the world.
    public var isGenerated: Bool
    /// What a reader should know about the data, a sentence each.
    public var notes: [String]
    /// How many clients there are, and how many training examples they share.
    public var clients: Int
    /// See `clients`.
    public var examples: Int
    /// The runs, in order of their seeds.
    public var runs: [Run]
    /// Over the runs, by split and metric: after the last round.
    public var last: [String: [String: Spread]]
    /// Over the runs, by split and metric: at each run's best round.
    public var best: [String: [String: Spread]]
    /// Over the runs, by metric and figure of its spread over the clients (`MetricDistribution`); empty without.
    public var perClient: [String: [String: Spread]]

    /// Gathers runs of one job.
    public init(
        job: JobSpecification, isGenerated: Bool, notes: [String] = [], clients: Int, examples: Int, runs: [Run]
    ) {
        self.job = job
        self.isGenerated = isGenerated
        self.notes = notes
        self.clients = clients
        self.examples = examples
        self.runs = runs
        last = Self.spreads(runs.map(\.last))
        best = Self.spreads(runs.map(\.best))
        perClient = Self.spreads(runs.map { $0.clients?.mapValues(\.figures) ?? [:] })
    }

    private static func spreads(_ runs: [[String: [String: Double]]]) -> [String: [String: Spread]] {
        var values: [String: [String: [Double]]] = [:]
        for run in runs {
            for (split, metrics) in run {
                for (name, value) in metrics { values[split, default: [:]][name, default: []].append(value) }
            }
        }
        return values.mapValues { $0.compactMapValues { Spread($0) } }
    }

    /// The JSON form, indented, with sorted keys.
    public func json() throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
        return try encoder.encode(self) + Data("\n".utf8)
    }
}

extension SimulationReport.Run {
    /// Reads the figures of a run from the lines of its `metrics.jsonl`.
    public init(
        seed: UInt64, outcome: SimulationRun.Outcome, lines: [MetricsLine], peakResidentBytes: Int,
        hostile: [String] = []
    ) {
        self.seed = seed
        isComplete = outcome.isComplete
        weights = outcome.digest
        seconds = outcome.seconds
        self.peakResidentBytes = peakResidentBytes
        self.hostile = hostile.isEmpty ? nil : hostile
        rounds = (lines.filter { $0.split == "train" }.map(\.round).max() ?? -1) + 1
        bestRound = outcome.best?.round
        bytesDown = lines.reduce(0) { $0 + ($1.bytesDown ?? 0) }
        bytesUp = lines.reduce(0) { $0 + ($1.bytesUp ?? 0) }
        clock = ClockFigures.total(lines.compactMap(\.clock))
        last = [:]
        best = [:]
        confusion = [:]
        clients = lines.last { $0.distribution != nil }?.distribution
        personalisation = lines.last { $0.personalisation != nil }?.personalisation
        let heldOut = lines.filter { $0.split != "train" && $0.distribution == nil }
        let final = heldOut.map(\.round).max()
        for line in heldOut {
            if line.round == bestRound { best[line.split] = line.metrics }
            guard line.round == final else { continue }
            last[line.split] = line.metrics
            confusion[line.split] = line.confusion
        }
    }
}
