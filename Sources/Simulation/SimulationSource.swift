internal import Datasets
public import Jobs

/// The data set of a simulated job, read or generated once and shared by all its runs.
public struct SimulationSource: Sendable {
    /// Whether a generator made the data.
    public let isGenerated: Bool
    /// Drawings of the data and their partition for the report.
    public let drawings: [(heading: String, svg: String)]

    private let train: MultimodalDataset
    private let test: MultimodalDataset
    private let clients: [VirtualClient]

    /// Reads or generates the data set that the job names and deals it to clients as its `partition` map says.
    ///
    /// - Parameter path: where real data lie.
    /// - Throws: `DatasetError`, ``SimulationError``.
    public init(_ job: JobSpecification, path: String?) throws {
        guard let source = SitePartition.Source(rawValue: job.data) else {
            throw SimulationError(
                .job,
                "data: found \"\(job.data)\", expected one of "
                    + SitePartition.Source.allCases.map(\.rawValue).joined(separator: ", "))
        }
        isGenerated = source == .syntheticHAR
        (train, test) = try SitePartition.load(.init(source: source, data: path, sites: 1, output: ""))
        let sites = job.partition["sites"]?.intValue ?? job.clients.minimum
        clients = try SubjectPartition.sites(train, count: sites).enumerated().map {
            VirtualClient(name: "site-\($0.offset + 1)", rows: $0.element.indices)
        }
        drawings = []
    }

    /// The data and clients for one run.
    public func data(for job: JobSpecification) throws -> SimulationData {
        try SimulationData(train: train, clients: clients, heldOut: ["test": test.all])
    }
}
