/// The partition schemes by name, and how each is made from parameters.
public enum PartitionScheme: String, Sendable, CaseIterable {
    /// ``SubjectPartitioner``.
    case subject
    /// ``IIDPartitioner``.
    case iid
    /// ``NaturalPartitioner``.
    case natural
    /// ``GroupedPartitioner``.
    case grouped
    /// ``DirichletPartitioner``.
    case dirichlet
    /// ``InnerDirichletPartitioner``.
    case innerDirichlet = "inner-dirichlet"
    /// ``PathologicalPartitioner``.
    case pathological
    /// ``ShardPartitioner``.
    case shards
    /// ``SampledPartitioner``.
    case sampled
    /// ``SizeSkewPartitioner``.
    case sizeSkew = "size-skew"
    /// ``ContinuousSkewPartitioner``.
    case continuousSkew = "continuous-skew"
    /// ``NaturalDirichletPartitioner``.
    case naturalDirichlet = "natural-dirichlet"
    /// ``FedMultimodalPartitioner``.
    case fedMultimodal = "fedmultimodal"
    /// ``FeatureSkewPartitioner``.
    case featureSkew = "feature-skew"
    /// ``VerticalPartitioner``.
    case vertical

    /// The parameters that the scheme reads beside `scheme` and `seed`, by their keys.
    public var parameterKeys: Set<String> {
        switch self {
        case .natural: []
        case .subject, .iid: ["clients"]
        case .grouped: ["groupSize"]
        case .dirichlet: ["clients", "alpha", "minimum", "balanced"]
        case .innerDirichlet: ["clients", "alpha", "minimum", "spread"]
        case .pathological: ["clients", "classesPerClient", "minimum"]
        case .shards: ["clients", "shardsPerClient"]
        case .sampled: ["clients", "rowsPerClient", "minimum"]
        case .sizeSkew: ["clients", "law", "spread", "minimum"]
        case .continuousSkew: ["clients", "strictness", "by", "modality"]
        case .naturalDirichlet: ["clientsPerSubject", "alpha", "minimum", "balanced"]
        case .fedMultimodal: ["clients", "clientsPerSubject", "alpha", "minimum", "faithful", "fold"]
        case .featureSkew: ["base", "gainSpread", "offsetSpread", "noise"]
        case .vertical: ["base", "modalitiesPerClient", "sharedRows"]
        }
    }

    /// The schemes by name, for messages.
    static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }

    /// The partitioner that the parameters describe.
    ///
    /// - Parameter benchmark: the data set in whose own way `fedmultimodal` deals rows.
    /// - Throws: `DatasetError` with code `invalidArgument` for a parameter that the scheme does not read or lacks.
    ///   Ranges are checked when it partitions.
    public static func make(
        _ parameters: Parameters, for benchmark: BenchmarkDataset = .uciHAR
    ) throws(DatasetError) -> any Partitioner {
        let scheme = parameters.scheme
        var known = scheme.parameterKeys
        if known.contains("base") {
            known.formUnion((parameters.base ?? .iid).parameterKeys)
        }
        if let stray = parameters.given.first(where: { !known.contains($0) }) {
            let expected = known.isEmpty ? "no parameters" : "only " + known.sorted().joined(separator: ", ")
            throw DatasetError(
                .invalidArgument, "scheme '\(scheme.rawValue)' does not use \(stray), expected \(expected)")
        }
        return try scheme.partitioner(parameters, benchmark)
    }

    /// Makes the partitioner and deals the rows.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` when the parameters are out of range or do not fit the
    ///   input.
    public static func partition(
        _ input: PartitionInput, _ parameters: Parameters
    ) throws(DatasetError) -> Partition {
        try make(parameters).partition(input)
    }

    private func partitioner(
        _ given: Parameters, _ benchmark: BenchmarkDataset
    ) throws(DatasetError) -> any Partitioner {
        let seed = given.seed ?? Parameters.defaultSeed
        let clients = given.clients ?? 10
        let alpha = given.alpha ?? 0.5
        let minimum = given.minimum ?? 1
        switch self {
        case .subject: return SubjectPartitioner(clients: given.clients ?? 3)
        case .iid: return IIDPartitioner(clients: clients, seed: seed)
        case .natural: return NaturalPartitioner()
        case .grouped: return GroupedPartitioner(groupSize: given.groupSize ?? 2, seed: seed)
        case .dirichlet:
            return DirichletPartitioner(
                clients: clients, alpha: alpha, minimum: minimum, isBalanced: given.balanced ?? false, seed: seed)
        case .innerDirichlet:
            return InnerDirichletPartitioner(
                clients: clients, alpha: alpha, sizeSpread: given.spread ?? 0, minimum: minimum, seed: seed)
        case .pathological:
            return PathologicalPartitioner(
                clients: clients, classesPerClient: given.classesPerClient ?? 2, minimum: minimum, seed: seed)
        case .shards:
            return ShardPartitioner(clients: clients, shardsPerClient: given.shardsPerClient ?? 2, seed: seed)
        case .sampled:
            return SampledPartitioner(
                clients: clients, rowsPerClient: given.rowsPerClient ?? 10, minimum: given.minimum, seed: seed)
        case .sizeSkew:
            return SizeSkewPartitioner(
                clients: clients, law: given.law ?? .logNormal, spread: given.spread ?? 1, minimum: minimum, seed: seed)
        case .continuousSkew:
            return ContinuousSkewPartitioner(clients: clients, strictness: given.strictness ?? 1, seed: seed)
        case .naturalDirichlet:
            return NaturalDirichletPartitioner(
                clientsPerSubject: given.clientsPerSubject ?? 5, alpha: alpha, minimum: minimum,
                isBalanced: given.balanced ?? false, seed: seed)
        case .fedMultimodal:
            return try given.fedMultimodal(benchmark)
        case .featureSkew:
            return FeatureSkewPartitioner(
                base: try base(given, benchmark), gainSpread: given.gainSpread ?? 0.2,
                offsetSpread: given.offsetSpread ?? 0.2,
                noise: given.noise ?? 0.1, seed: seed)
        case .vertical:
            return VerticalPartitioner(
                base: try base(given, benchmark), modalitiesPerClient: given.modalitiesPerClient ?? 1,
                sharesRows: given.sharedRows ?? false)
        }
    }

    /// The scheme that deals the rows of a scheme of traits.
    private func base(
        _ given: Parameters, _ benchmark: BenchmarkDataset
    ) throws(DatasetError) -> any Partitioner {
        let base = given.base ?? .iid
        guard base != .vertical, base != .featureSkew else {
            throw DatasetError(
                .invalidArgument, "base is '\(base.rawValue)', expected a scheme that deals rows, e.g. 'iid'")
        }
        return try base.partitioner(given, benchmark)
    }
}
