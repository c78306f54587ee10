import Randomness

/// Turning a data set into the folders of a federation: `site-1` … `site-N` with training data, dealt by subject
/// (`SubjectPartition`), and `evaluator` with the whole test split. `tributary partition` is this.
public enum SitePartition {
    /// The data sets that can be partitioned.
    public enum Source: String, Sendable, CaseIterable {
        /// The real UCI-HAR, read by `UCIHARReader`; needs a folder.
        case uciHAR = "uci-har"
        /// Windows made by `SyntheticHAR`; needs nothing.
        case syntheticHAR = "synthetic-har"
    }

    /// What to partition, how, and where to.
    public struct Request: Sendable {
        /// The data set.
        public var source: Source
        /// Where it lies, for sources that are read.
        public var data: String?
        /// How many sites get training data.
        public var sites: Int
        /// The folder that the site folders go into.
        public var output: String
        /// When set, the training labels are shuffled over all sites from the stream (this seed, `"permute-labels"`): a
        /// control, whose trained model must be no better than guessing.
        public var permuteLabels: UInt64?
        /// What the generator makes, for generated sources.
        public var synthetic: SyntheticHAR.Configuration

        /// Makes a request.
        public init(
            source: Source,
            data: String? = nil,
            sites: Int,
            output: String,
            permuteLabels: UInt64? = nil,
            synthetic: SyntheticHAR.Configuration = .init()
        ) {
            self.source = source
            self.data = data
            self.sites = sites
            self.output = output
            self.permuteLabels = permuteLabels
            self.synthetic = synthetic
        }
    }

    /// A folder that was written.
    public struct Site: Sendable, Codable, Hashable {
        /// `site-1`, …, or `evaluator`; also the client's name in the demonstration.
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
    }

    /// Reads or generates the data set and writes all folders.
    ///
    /// - Returns: what was written, sites first.
    /// - Throws: `DatasetError`; with code `exists`, before anything is written, when one of the folders is there.
    public static func write(_ request: Request) throws(DatasetError) -> [Site] {
        let (loaded, test) = try load(request)
        var train = loaded
        if let seed = request.permuteLabels {
            var stream = RandomStream(seed: seed, purpose: "permute-labels")
            train = try train.replacingLabels(stream.shuffled(train.labels))
        }
        var parts: [(name: String, split: String, view: DatasetView)] = []
        for (index, view) in try SubjectPartition.sites(train, count: request.sites).enumerated() {
            parts.append((name: "site-\(index + 1)", split: "train", view: view))
        }
        parts.append((name: "evaluator", split: "test", view: test.all))
        for part in parts where BoundedFile.somethingExists("\(request.output)/\(part.name)") {
            throw DatasetError(
                .exists, "\(request.output)/\(part.name): is already there; remove it or choose another output folder")
        }
        var written: [Site] = []
        for part in parts {
            let path = "\(request.output)/\(part.name)"
            try SiteFolder.write(to: path, splits: [part.split: part.view])
            var counts = Array(repeating: 0, count: train.classes.count)
            for label in part.view.labels { counts[label] += 1 }
            written.append(
                Site(
                    name: part.name, path: path, split: part.split, examples: part.view.count,
                    subjects: Set(part.view.subjects ?? []).sorted(), classes: counts))
        }
        return written
    }

    /// The training and test examples of a source.
    public static func load(
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
