internal import Datasets
public import Jobs

/// The data set of a simulated job, read or generated once and shared by all its runs.
public struct SimulationSource: Sendable {
    /// Whether a generator made the data.
    public let isGenerated: Bool
    /// What a user should know about the data, a sentence each.
    public let notes: [String]
    /// Drawings of the data and their partition for the report.
    public let drawings: [(heading: String, svg: String)]

    /// The marks of the data and their partition.
    let fingerprint: DataFingerprint

    private let prepared: SitePartition.Prepared

    /// Reads or generates the data set that the job names and deals it to clients as its `partition` map says.
    ///
    /// - Parameters:
    ///   - path: where real data lie.
    ///   - scale: the part of a benchmark's number of examples that is generated; nil for what fits a laptop.
    /// - Throws: `DatasetError`.
    public init(_ job: JobSpecification, path: String?, scale: Double? = nil) throws {
        let request = try SitePartition.Request(job, data: path, scale: scale)
        isGenerated = request.source.isGenerated
        prepared = try SitePartition.prepare(request)
        notes = prepared.notes
        fingerprint = DataFingerprint(
            train: prepared.train, heldOut: prepared.heldOut, partition: prepared.partition)
        let report = try HeterogeneityReport(
            prepared.partition, labels: prepared.train.labels, classes: prepared.train.classes.count)
        let plot = HeterogeneityPlot(report, classes: prepared.train.classes, title: job.data)
        drawings = [(heading: "Clients", svg: plot.svg())]
    }

    /// The data and clients for one run; the held-out splits are those of the data and what the partition holds out.
    public func data(for job: JobSpecification) throws -> SimulationData {
        var heldOut = prepared.heldOut.mapValues(\.all)
        for list in prepared.partition.heldOut {
            heldOut[list.name] = DatasetView(prepared.train, indices: list.rows)
        }
        return try SimulationData(
            train: prepared.train,
            clients: prepared.partition.clients.enumerated().map {
                VirtualClient(
                    name: $0.element.id, rows: $0.element.rows, traits: $0.element.traits, position: $0.offset,
                    place: $0.element.place)
            },
            heldOut: heldOut, traitSeed: prepared.seed,
            firstCorruptionIndex: prepared.benchmark.firstCorruptionIndex)
    }
}
