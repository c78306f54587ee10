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

    private let prepared: SitePartition.Prepared

    /// Reads or generates the data set that the job names and deals it to clients as its `partition` map says.
    ///
    /// - Parameters:
    ///   - path: where real data lie.
    ///   - scale: the part of a benchmark's number of examples that is generated; nil for what fits a laptop.
    /// - Throws: `DatasetError`, ``SimulationError``.
    public init(_ job: JobSpecification, path: String?, scale: Double? = nil) throws {
        let source: SitePartition.Source
        do {
            source = try SitePartition.Source(named: job.data)
        } catch {
            throw SimulationError(.job, "data: \(error.message)")
        }
        isGenerated = source.isGenerated
        var map = job.partition
        // Dealing by subject to as many sites as the job needs is what the demonstration does.
        if map["scheme"] == nil { map["scheme"] = "subject" }
        if map["scheme"] == "subject", map["clients"] == nil {
            map["clients"] = .int(max(job.clients.minimum, job.clients.perRound))
        }
        var texts: [String: String] = [:]
        for (key, value) in map { texts[key] = try Self.text(value, key) }
        prepared = try SitePartition.prepare(
            .init(source: source, data: path, partition: .init(texts), output: nil, scale: scale))
        notes = prepared.notes
        let report = try HeterogeneityReport(
            prepared.partition, labels: prepared.train.labels, classes: prepared.train.classes.count)
        let plot = HeterogeneityPlot(report, classes: prepared.train.classes, title: job.data)
        drawings = [(heading: "Clients", svg: plot.svg())]
    }

    private static func text(_ value: Setting, _ key: String) throws -> String {
        switch value {
        case .bool(let value): return "\(value)"
        case .int(let value): return "\(value)"
        case .double(let value): return "\(value)"
        case .string(let value): return value
        case .list: throw SimulationError(.job, "partition.\(key): found a list, expected a single value")
        }
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
                    name: $0.element.id, rows: $0.element.rows, traits: $0.element.traits, position: $0.offset)
            },
            heldOut: heldOut, traitSeed: prepared.seed,
            firstCorruptionIndex: prepared.benchmark.firstCorruptionIndex)
    }
}
