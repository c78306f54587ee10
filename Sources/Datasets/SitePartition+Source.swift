extension SitePartition {
    /// A data set that can be partitioned, by its name in jobs: one of ``BenchmarkDataset/all`` or
    /// ``BenchmarkDataset/images``, read from a folder;
    /// `synthetic-` and the name of one, made by a generator in its form; or `synthetic-har`.
    public struct Source: Sendable, Hashable {
        /// What the names of generated data sets begin with.
        public static let generatedPrefix = "synthetic-"
        /// The real UCI-HAR.
        public static let uciHAR = Source(benchmark: .uciHAR, isGenerated: false)
        /// Windows made by ``SyntheticHAR``.
        public static let syntheticHAR = Source(
            name: SyntheticHAR.datasetName, benchmark: .uciHAR, isGenerated: true)
        /// All names.
        public static let names =
            known + [SyntheticHAR.datasetName] + known.map { generatedPrefix + $0 }

        private static let known = (BenchmarkDataset.all + BenchmarkDataset.images).map(\.name)

        /// The name in jobs.
        public let name: String
        /// The data set whose form the examples have.
        public let benchmark: BenchmarkDataset
        /// Whether a generator makes the data.
        public let isGenerated: Bool

        private init(name: String, benchmark: BenchmarkDataset, isGenerated: Bool) {
            self.name = name
            self.benchmark = benchmark
            self.isGenerated = isGenerated
        }

        /// A benchmark's data set, real or generated.
        public init(benchmark: BenchmarkDataset, isGenerated: Bool) {
            self.init(
                name: (isGenerated ? Self.generatedPrefix : "") + benchmark.name, benchmark: benchmark,
                isGenerated: isGenerated)
        }

        /// The data set of a name.
        ///
        /// - Throws: `DatasetError` with code `invalidArgument` that lists the names.
        public init(named name: String) throws(DatasetError) {
            if name == SyntheticHAR.datasetName {
                self = .syntheticHAR
            } else if let benchmark = BenchmarkDataset.named(name) {
                self.init(benchmark: benchmark, isGenerated: false)
            } else if name.hasPrefix(Self.generatedPrefix),
                let benchmark = BenchmarkDataset.named(String(name.dropFirst(Self.generatedPrefix.count)))
            {
                self.init(benchmark: benchmark, isGenerated: true)
            } else {
                throw DatasetError(
                    .invalidArgument,
                    "found \"\(name.prefix(80))\", expected one of "
                        + "\(Self.known.joined(separator: ", ")), one of these with "
                        + "'\(Self.generatedPrefix)' before it, or \(SyntheticHAR.datasetName)")
            }
        }

        /// Whether a folder holds the data set's files under the names by which ``BenchmarkDataset/read(path:isFaithful:fold:)``
        /// looks for them; true of what is generated. The files are not read.
        public func isPresent(in folder: String) -> Bool {
            if isGenerated { return true }
            let inner = "\(folder)/\(benchmark.name)"
            if [folder, inner].contains(where: { BoundedFile.exists("\($0)/\(SiteManifest.fileName)") }) {
                return true
            }
            switch benchmark.name {
            case BenchmarkDataset.uciHAR.name: return (try? UCIHARReader(path: folder)) != nil
            case BenchmarkDataset.mnist.name: return (try? MNISTReader(path: folder)) != nil
            case BenchmarkDataset.cifar10.name: return (try? CIFAR10Reader(path: folder)) != nil
            default: return BoundedFile.folderExists(inner)
            }
        }

        /// What the source reads, by the names of the options of `tributary partition`.
        public var parameterKeys: Set<String> {
            guard isGenerated else { return ["data"] }
            guard benchmark.name == BenchmarkDataset.uciHAR.name else { return ["seed", "scale"] }
            return ["seed", "subjects", "windows", "scale"]
        }

        /// Refuses what the source does not read, as a scheme refuses parameters that are not its own.
        ///
        /// - Throws: `DatasetError` with code `invalidArgument` for the first stray key.
        public func check(given keys: [String]) throws(DatasetError) {
            guard let stray = keys.first(where: { !parameterKeys.contains($0) }) else { return }
            let expected = parameterKeys.sorted().joined(separator: ", ")
            throw DatasetError(
                .invalidArgument, "data set '\(name)' does not use \(stray), expected only \(expected)")
        }
    }

    /// Reads or generates the data set of a request.
    static func load(_ request: Request) throws(DatasetError) -> BenchmarkContents {
        let source = request.source
        guard source.isGenerated else {
            guard request.scale == nil else {
                throw DatasetError(
                    .invalidArgument, "scale is for generated data, expected none for the data set '\(source.name)'")
            }
            return try source.benchmark.read(
                path: request.data, isFaithful: request.partition.faithful ?? false, fold: request.partition.fold)
        }
        guard request.partition.fold == nil else {
            throw DatasetError(
                .invalidArgument, "fold is for data that are read, expected none for the data set '\(source.name)'")
        }
        guard source.benchmark.name == BenchmarkDataset.uciHAR.name else {
            return try BenchmarkGenerator(source.benchmark, scale: request.scale, seed: request.synthetic.seed)
                .contents()
        }
        var configuration = request.synthetic
        if let scale = request.scale {
            guard scale > 0, scale <= 1 else {
                throw DatasetError(.invalidArgument, "scale is \(scale), expected more than 0 and at most 1")
            }
            // The real 10,299 windows are about 57 of each activity and person.
            configuration.windowsPerActivity = max(12, Int((57 * scale).rounded()))
        }
        let generator = try SyntheticHAR(configuration)
        let people = generator.splitSubjects
        return try BenchmarkContents(
            source.benchmark,
            [
                "train": try generator.dataset(subjects: people.train, name: source.name),
                "test": try generator.dataset(subjects: people.test, name: source.name),
            ])
    }
}
