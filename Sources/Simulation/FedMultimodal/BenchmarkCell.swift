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

    /// The paper's score in percent; of a corrupted cell nil, since the paper prints relative changes only.
    public var published: Double? {
        guard corruption == nil else { return nil }
        return PublishedResults.score(dataset: dataset, alpha: alpha, fusion: fusion, algorithm: algorithm)
    }

    /// The job that runs it, with the first seed of the benchmark, evaluating other splits than dev at best rounds only.
    ///
    /// - Parameters:
    ///   - rounds: the benchmark's number when nil.
    ///   - testsAlways: whether the test split is evaluated in every round, for curves; the table needs it only where
    ///     dev is best.
    /// - Throws: ``SimulationError`` with code `job` for a data set or algorithm that the benchmark does not have.
    public func job(rounds: Int? = nil, testsAlways: Bool = false) throws -> JobSpecification {
        guard ["uci-har", "synthetic-har"].contains(dataset) else {
            throw SimulationError(.job, "--dataset: found \"\(dataset)\", expected uci-har or synthetic-har")
        }
        var strategy: Settings = ["name": .string(algorithm)]
        switch algorithm {
        case "fedavg": break
        case "fedprox": strategy["mu"] = .double(0.01)
        case "fedrs": strategy["faithful"] = .bool(true)
        case "scaffold": strategy.merge(["faithful": .bool(true), "clients": .int(105)]) { $1 }
        case "fedopt": strategy["serverLearningRate"] = .double(0.025)
        default:
            throw SimulationError(
                .job, "--algorithm: found \"\(algorithm)\", expected fedavg, fedprox, fedrs, fedopt or scaffold")
        }
        var job = JobSpecification(
            name: "fedmultimodal-\(dataset)",
            model: ["name": "har", "fusion": .string(fusion), "faithful": true], data: dataset,
            rounds: rounds ?? 200, seed: 8,
            clients: .init(minimum: 10, perRound: 10, minimumUpdates: 1, sampling: .fedmultimodal),
            strategy: strategy, partition: ["scheme": "fedmultimodal"],
            training: [
                "epochs": 1, "batchSize": 16, "learningRate": 0.05, "momentum": 0.9, "weightDecay": 0.00001,
                "clipNorm": 10,
            ],
            evaluation: .init(every: 1, split: "dev", others: testsAlways ? .always : .best))
        if let alpha { job.partition["alpha"] = .double(alpha) }
        if let corruption {
            job.corruption = [
                "mode": .string(corruption.mode), corruption.kind.key: .double(corruption.rate),
            ]
        }
        return try job.validated()
    }
}
