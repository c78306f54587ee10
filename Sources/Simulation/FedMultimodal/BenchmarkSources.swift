internal import Datasets
internal import Jobs

/// The data of a benchmark's jobs, read once a partition, and compared with the data that earlier runs were made on.
struct BenchmarkSources {
    private let path: String?
    private let scale: Double?
    private let file: String
    private let note: (String) -> Void
    private var sources: [Settings: SimulationSource] = [:]
    /// Partitions whose data cannot be read.
    private var absent: Set<Settings> = []

    /// Sources with nothing read yet.
    ///
    /// - Parameters:
    ///   - path: where real data lie.
    ///   - file: the file of runs, for messages.
    ///   - note: told what people should know of the data.
    init(path: String?, scale: Double?, file: String, note: @escaping (String) -> Void) {
        self.path = path
        self.scale = scale
        self.file = file
        self.note = note
    }

    /// The data of a job.
    ///
    /// - Throws: `DatasetError`; ``SimulationError`` `checkpoint` when a run of the same data set was made on other data.
    mutating func source(_ job: JobSpecification, beside runs: [BenchmarkRun]) throws -> SimulationSource {
        if let known = sources[job.partition] { return known }
        let source = try SimulationSource(job, path: path, scale: scale)
        source.notes.forEach(note)
        try check(job, source.fingerprint, runs)
        sources[job.partition] = source
        return source
    }

    /// Compares the data with those of runs that are complete, where there are data to read: complete runs can be shown
    /// without any. What a generator makes is not made for that; `scale` stands for it.
    ///
    /// - Throws: as ``source(_:beside:)`` for other data.
    mutating func compare(_ job: JobSpecification, with runs: [BenchmarkRun]) throws {
        let isMarked = runs.contains { $0.cell.dataset == job.data && $0.fingerprint != nil }
        guard isMarked, path != nil, !absent.contains(job.partition),
            try !SitePartition.Source(named: job.data).isGenerated
        else { return }
        do {
            _ = try source(job, beside: runs)
        } catch let error as DatasetError where error.code == .missing {
            absent.insert(job.partition)
            note("the runs of \(file) are not compared with the data: \(error.message)")
        }
    }

    private func check(_ job: JobSpecification, _ found: DataFingerprint, _ runs: [BenchmarkRun]) throws {
        for run in runs where run.cell.dataset == job.data {
            guard let known = run.fingerprint else { continue }
            func refuse(_ what: String, _ known: String, _ found: String) -> SimulationError {
                SimulationError(
                    .checkpoint,
                    "\(file): \(run.cell.name), seed \(run.seed), was run on \(what) (\(known), here \(found)): choose "
                        + "another output folder, or the same --data")
            }
            guard known.data == found.data else { throw refuse("other data", known.data, found.data) }
            guard run.cell.alpha != job.partition["alpha"]?.doubleValue || known.partition == found.partition else {
                throw refuse("another partition of the data", known.partition, found.partition)
            }
        }
    }
}
