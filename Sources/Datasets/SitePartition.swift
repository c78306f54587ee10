import Randomness

/// Turning a data set into a simulated federation: the training split is dealt to clients by a `PartitionScheme`, and
/// can be written as a folder a client, with `evaluator` holding the whole test split and what the scheme holds out
/// (`dev`).
///
/// The scheme `subject` makes `site-1` … `site-N`, dealt by subject (`SubjectPartition`). `tributary partition` is
/// this.
public enum SitePartition {
    /// The data sets that can be partitioned.
    public enum Source: String, Sendable, CaseIterable {
        /// The real UCI-HAR, read by `UCIHARReader`; needs a folder.
        case uciHAR = "uci-har"
        /// Windows made by `SyntheticHAR`; needs nothing.
        case syntheticHAR = "synthetic-har"

        /// What the source reads, by the names of the options of `tributary partition`.
        public var parameterKeys: Set<String> {
            switch self {
            case .uciHAR: ["data"]
            case .syntheticHAR: ["seed", "subjects", "windows"]
            }
        }

        /// Refuses what the source does not read, as a scheme refuses parameters that are not its own.
        ///
        /// - Throws: `DatasetError` with code `invalidArgument` for the first stray key.
        public func check(given keys: [String]) throws(DatasetError) {
            guard let stray = keys.first(where: { !parameterKeys.contains($0) }) else { return }
            let expected = parameterKeys.sorted().joined(separator: ", ")
            throw DatasetError(
                .invalidArgument, "data set '\(rawValue)' does not use \(stray), expected only \(expected)")
        }
    }

    /// What to partition, how, and where to.
    public struct Request: Sendable {
        /// The data set.
        public var source: Source
        /// Where it lies, for sources that are read.
        public var data: String?
        /// How the training split is dealt.
        public var partition: PartitionScheme.Parameters
        /// The folder that the site folders go into; nil when nothing is written.
        public var output: String?
        /// When set, the training labels are shuffled over all rows from the stream (this seed, `"permute-labels"`),
        /// before they are dealt: a control, whose trained model must be no better than guessing.
        public var permuteLabels: UInt64?
        /// What the generator makes, for generated sources.
        public var synthetic: SyntheticHAR.Configuration

        /// Makes a request for a scheme.
        public init(
            source: Source,
            data: String? = nil,
            partition: PartitionScheme.Parameters,
            output: String? = nil,
            permuteLabels: UInt64? = nil,
            synthetic: SyntheticHAR.Configuration = .init()
        ) {
            self.source = source
            self.data = data
            self.partition = partition
            self.output = output
            self.permuteLabels = permuteLabels
            self.synthetic = synthetic
        }

        /// Makes a request for the scheme `subject`.
        public init(
            source: Source,
            data: String? = nil,
            sites: Int,
            output: String,
            permuteLabels: UInt64? = nil,
            synthetic: SyntheticHAR.Configuration = .init()
        ) {
            self.init(
                source: source, data: data, partition: .init(scheme: .subject, clients: sites), output: output,
                permuteLabels: permuteLabels, synthetic: synthetic)
        }
    }

    /// A data set with its partition, in memory.
    public struct Prepared: Sendable {
        /// The training split, which the partition's rows belong to.
        public let train: MultimodalDataset
        /// The test split.
        public let test: MultimodalDataset
        /// The clients.
        public let partition: Partition
        /// Decides the noise of clients with traits.
        public let seed: UInt64
    }

    /// A folder that was written.
    public struct Site: Sendable, Codable, Hashable {
        /// The client's identifier (`site-1`, …), or `evaluator`; also the client's name in the demonstration.
        public var name: String
        /// The folder.
        public var path: String
        /// The split it holds.
        public var split: String
        /// The number of examples.
        public var examples: Int
        /// The people they come from.
        public var subjects: [Int]
        /// The number of examples of each class.
        public var classes: [Int]
        /// What else sets the client apart; its values are written as the client would record them.
        public var traits: ClientTraits?
    }

    /// Reads or generates the data set and deals its training split; writes nothing.
    ///
    /// - Throws: `DatasetError`; with code `invalidArgument` when the scheme's parameters do not fit.
    public static func prepare(_ request: Request) throws(DatasetError) -> Prepared {
        let partitioner = try PartitionScheme.make(request.partition)
        let (loaded, test) = try load(request)
        var train = loaded
        if let seed = request.permuteLabels {
            var stream = RandomStream(seed: seed, purpose: "permute-labels")
            train = try train.replacingLabels(stream.shuffled(train.labels))
        }
        var values: [Double]?
        if request.partition.sortsByValue {
            let statistic = request.partition.by ?? .roughness
            values = try statistic.values(of: train, modality: request.partition.modality ?? 0)
        }
        let partition = try partitioner.partition(PartitionInput(train, values: values))
        return Prepared(
            train: train, test: test, partition: partition,
            seed: request.partition.seed ?? PartitionScheme.Parameters.defaultSeed)
    }

    /// Reads or generates the data set and writes all folders.
    ///
    /// - Returns: what was written, sites first; `evaluator` once a split.
    /// - Throws: `DatasetError`; with code `exists`, before anything is written, when one of the folders is there.
    public static func write(_ request: Request) throws(DatasetError) -> [Site] {
        guard let output = request.output else {
            throw DatasetError(.invalidArgument, "no output folder to write sites to")
        }
        return try write(prepare(request), to: output)
    }

    /// Writes all folders of a prepared federation.
    ///
    /// - Returns: what was written, clients first; `evaluator` once a split.
    /// - Throws: `DatasetError`; with code `exists`, before anything is written, when one of the folders is there.
    public static func write(_ prepared: Prepared, to output: String) throws(DatasetError) -> [Site] {
        let (train, partition) = (prepared.train, prepared.partition)
        let names = partition.clients.map(\.id) + [evaluator]
        guard Set(names).count == names.count else {
            throw DatasetError(
                .invalidArgument, "a client has the name '\(evaluator)', which is the evaluator's folder")
        }
        for name in names where BoundedFile.somethingExists("\(output)/\(name)") {
            throw DatasetError(
                .exists, "\(output)/\(name): is already there; remove it or choose another output folder")
        }
        var written: [Site] = []
        for (number, client) in partition.clients.enumerated() {
            var view = DatasetView(train, indices: client.rows)
            if let traits = client.traits {
                view = try traits.applied(to: view, seed: prepared.seed, client: number).all
            }
            let path = "\(output)/\(client.id)"
            try SiteFolder.write(to: path, splits: ["train": view])
            written.append(site(client.id, path: path, split: "train", view: view, traits: client.traits))
        }
        var held = [(split: "test", view: prepared.test.all)]
        for list in partition.heldOut { held.append((list.name, DatasetView(train, indices: list.rows))) }
        let path = "\(output)/\(evaluator)"
        try SiteFolder.write(to: path, splits: Dictionary(uniqueKeysWithValues: held))
        for (split, view) in held { written.append(site(evaluator, path: path, split: split, view: view)) }
        return written
    }

    /// The folder that holds the test split.
    private static let evaluator = "evaluator"

    private static func site(
        _ name: String, path: String, split: String, view: DatasetView, traits: ClientTraits? = nil
    ) -> Site {
        Site(
            name: name, path: path, split: split, examples: view.count, subjects: Set(view.subjects ?? []).sorted(),
            classes: view.classCounts, traits: traits)
    }

    private static func load(
        _ request: Request
    ) throws(DatasetError) -> (train: MultimodalDataset, test: MultimodalDataset) {
        switch request.source {
        case .uciHAR:
            guard let path = request.data else {
                throw DatasetError(
                    .invalidArgument, "data set 'uci-har' is read from a folder: expected --data with its path")
            }
            let reader = try UCIHARReader(path: path)
            return (try reader.read(.train), try reader.read(.test))
        case .syntheticHAR:
            let generator = try SyntheticHAR(request.synthetic)
            let people = generator.splitSubjects
            return (try generator.dataset(subjects: people.train), try generator.dataset(subjects: people.test))
        }
    }
}
