import Randomness

/// Turning a data set into a simulated federation: the training split is dealt to clients by a `PartitionScheme`, and
/// can be written as a folder a client, with `evaluator` holding the splits that come with the data and what the scheme
/// holds out (`dev`).
///
/// The scheme `subject` makes `site-1` … `site-N`, dealt by subject (`SubjectPartition`). `tributary partition` is
/// this.
public enum SitePartition {
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
        /// What the generator makes, for generated sources; of those in a benchmark's form the seed alone counts.
        public var synthetic: SyntheticHAR.Configuration
        /// The part of a benchmark's number of examples that is generated; nil for what fits a laptop.
        public var scale: Double?

        /// Makes a request for a scheme.
        public init(
            source: Source,
            data: String? = nil,
            partition: PartitionScheme.Parameters,
            output: String? = nil,
            permuteLabels: UInt64? = nil,
            synthetic: SyntheticHAR.Configuration = .init(),
            scale: Double? = nil
        ) {
            self.source = source
            self.data = data
            self.partition = partition
            self.output = output
            self.permuteLabels = permuteLabels
            self.synthetic = synthetic
            self.scale = scale
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
        /// The splits that come with the data beside it: `test`, and `dev` where the publisher gives one.
        public let heldOut: [String: MultimodalDataset]
        /// The clients.
        public let partition: Partition
        /// Decides the noise of clients with traits.
        public let seed: UInt64
        /// What a user should know about the data, a sentence each.
        public let notes: [String]
        /// The data set whose form the data have.
        public let benchmark: BenchmarkDataset
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
        // A wrong scheme is refused before anything is read.
        _ = try PartitionScheme.make(request.partition, for: request.source.benchmark)
        let contents = try load(request)
        var train = contents.splits.train
        if let seed = request.permuteLabels {
            var stream = RandomStream(seed: seed, purpose: "permute-labels")
            train = try train.replacingLabels(stream.shuffled(train.labels))
        }
        var values: [Double]?
        if request.partition.sortsByValue {
            let statistic = request.partition.by ?? .roughness
            values = try statistic.values(of: train, modality: request.partition.modality ?? 0)
        }
        let partition = try PartitionScheme.make(request.partition, for: contents.benchmark).partition(
            PartitionInput(train, values: values, groups: contents.splits.groups, roll: contents.splits.roll))
        return Prepared(
            train: train, heldOut: contents.splits.heldOut, partition: partition,
            seed: request.partition.seed ?? PartitionScheme.Parameters.defaultSeed, notes: contents.notes,
            benchmark: contents.benchmark)
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
        var held = prepared.heldOut.sorted { $0.key > $1.key }.map { (split: $0.key, view: $0.value.all) }
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
}
