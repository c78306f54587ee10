internal import Datasets
public import Jobs

/// One setting of the FedMultimodal benchmark: what a row of its table or a point of its curves stands for.
public struct BenchmarkCell: Sendable, Hashable, Codable {
    /// What is done to the training data.
    public struct Corruption: Sendable, Hashable, Codable {
        /// What is missing or wrong.
        public var kind: CorruptionKind
        /// How much, 0 to 1.
        public var rate: Double
        /// `faithful` or `right`.
        public var mode: String

        /// Describes a corruption.
        public init(kind: CorruptionKind, rate: Double, mode: String) {
            self.kind = kind
            self.rate = rate
            self.mode = mode
        }
    }

    /// The data set.
    public var dataset: String
    /// `attention` or `concat`.
    public var fusion: String
    /// The concentration of the partition; nil where clients are natural.
    public var alpha: Double?
    /// The strategy's name.
    public var algorithm: String
    /// What is done to the training data, if anything.
    public var corruption: Corruption?

    /// Describes a cell.
    public init(
        dataset: String, fusion: String, alpha: Double?, algorithm: String, corruption: Corruption? = nil
    ) {
        self.dataset = dataset
        self.fusion = fusion
        self.alpha = alpha
        self.algorithm = algorithm
        self.corruption = corruption
    }

    /// A folder's name: `uci-har-attention-a5.0-fedavg`, with what is done to the data behind it.
    public var name: String {
        var parts = [dataset, fusion]
        if let alpha { parts.append("a\(alpha)") }
        parts.append(algorithm)
        if let corruption { parts.append("\(corruption.kind.rawValue)-\(corruption.rate)-\(corruption.mode)") }
        return parts.joined(separator: "-")
    }

    /// Where it stands in a table: the order of the paper.
    var order: String {
        let algorithms = ["fedavg", "fedprox", "fedrs", "fedopt", "scaffold"]
        let place = algorithms.firstIndex(of: algorithm) ?? algorithms.count
        let kind = corruption.flatMap { CorruptionKind.allCases.firstIndex(of: $0.kind) } ?? 0
        return "\(dataset) \(fusion) \(alpha.map { 1 / $0 } ?? 0) \(place) \(kind) \(corruption?.mode ?? "") "
            + "\(corruption?.rate ?? 0)"
    }

    /// The same without corruption.
    public var clean: BenchmarkCell {
        var cell = self
        cell.corruption = nil
        return cell
    }

    /// Whether the paper's repetitions of the data set are folds of the data, which are read one at a time here: a mean
    /// over seeds of one fold does not stand beside the paper's.
    public var isFolded: Bool {
        if case .folds = (try? SitePartition.Source(named: dataset))?.benchmark.repetition { true } else { false }
    }

    /// Whether so many rounds are the published runs'.
    func isWhole(rounds: Int) -> Bool {
        (try? SitePartition.Source(named: dataset))?.benchmark.training.rounds == rounds
    }

    /// The paper's score in percent; of a corrupted cell nil, since the paper prints relative changes only.
    public var published: Double? {
        guard corruption == nil else { return nil }
        return PublishedResults.score(dataset: dataset, alpha: alpha, fusion: fusion, algorithm: algorithm)
    }

    /// The job that runs it with the numbers of the published runs, for one seed.
    ///
    /// - Parameters:
    ///   - seed: the seed of training.
    ///   - rounds: the benchmark's number when nil.
    ///   - testsAlways: whether the test split is evaluated in every round, for curves; the table needs it only where
    ///     dev is best.
    /// - Throws: ``SimulationError`` with code `job` for a data set or algorithm that the benchmark does not have;
    ///   `JobsError` for numbers that do not hold together.
    public func job(seed: UInt64, rounds: Int? = nil, testsAlways: Bool = false) throws -> JobSpecification {
        let source: SitePartition.Source
        do {
            source = try SitePartition.Source(named: dataset)
        } catch {
            throw SimulationError(.job, "--dataset: \(error.message)")
        }
        let facts = source.benchmark
        let numbers = facts.training
        var strategy: Settings = ["name": .string(algorithm)]
        switch algorithm {
        case "fedavg": break
        case "fedprox": strategy["mu"] = .double(numbers.proximalTerm)
        case "fedrs": strategy["faithful"] = .bool(true)
        case "fedopt":
            let rate = numbers.serverLearningRate
            strategy["serverLearningRate"] = .double(corruption == nil ? rate.base : rate.ablation)
        case "scaffold": strategy.merge(["faithful": .bool(true), "clients": .int(facts.clients)]) { $1 }
        default:
            throw SimulationError(
                .job,
                "--algorithm: found \"\(algorithm)\", expected fedavg, fedprox, fedrs, fedopt or scaffold")
        }
        var job = JobSpecification(
            name: "fedmultimodal-\(dataset)",
            model: [
                "name": .string(facts.model), "classes": .int(facts.classes.count), "fusion": .string(fusion),
                "faithful": true,
            ], data: dataset, rounds: rounds ?? numbers.rounds, seed: seed,
            clients: .init(
                minimum: facts.clientsPerRound, perRound: facts.clientsPerRound, minimumUpdates: 1,
                sampling: .fedmultimodal),
            strategy: strategy, partition: ["scheme": "fedmultimodal"],
            training: [
                "epochs": 1, "batchSize": .int(numbers.batchSize), "learningRate": .double(numbers.learningRate),
                "momentum": 0.9, "weightDecay": 0.00001, "clipNorm": 10,
            ],
            evaluation: .init(
                every: numbers.evaluatesEvery, first: numbers.firstEvaluated, split: "dev",
                others: testsAlways ? .always : .best),
            selectBy: MetricSelector(facts.metric))
        if let alpha { job.partition["alpha"] = .double(alpha) }
        if facts.hasReadingMistakes, !source.isGenerated { job.partition["faithful"] = .bool(true) }
        if let corruption {
            job.corruption = [
                "mode": .string(corruption.mode), corruption.kind.key: .double(corruption.rate),
            ]
        }
        return try job.validated()
    }
}
