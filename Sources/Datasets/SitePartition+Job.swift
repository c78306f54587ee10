public import Jobs

extension SitePartition.Request {
    /// What a simulation of a job partitions: the data set that it names, dealt as its `partition` map says.
    ///
    /// Without a scheme, and with the scheme `subject` without `clients`, the rows go by subject to as many clients as the
    /// job needs: what the demonstration does.
    ///
    /// - Parameters:
    ///   - data: where real data lie.
    ///   - scale: the part of a benchmark's number of examples that is generated; nil for what fits a laptop.
    /// - Throws: `DatasetError` with code `invalidArgument` for another data set, key or value.
    public init(_ job: JobSpecification, data: String? = nil, scale: Double? = nil) throws(DatasetError) {
        let source: SitePartition.Source
        do {
            source = try SitePartition.Source(named: job.data)
        } catch {
            throw DatasetError(.invalidArgument, "data: \(error.message)")
        }
        var map = job.partition
        if map["scheme"] == nil { map["scheme"] = "subject" }
        if map["scheme"] == "subject", map["clients"] == nil {
            map["clients"] = .int(max(job.clients.minimum, job.clients.perRound))
        }
        var texts: [String: String] = [:]
        for (key, value) in map { texts[key] = try Self.text(value, key) }
        self.init(source: source, data: data, partition: try .init(texts), scale: scale)
    }

    private static func text(_ value: Setting, _ key: String) throws(DatasetError) -> String {
        switch value {
        case .bool(let value): return "\(value)"
        case .int(let value): return "\(value)"
        case .double(let value): return "\(value)"
        case .string(let value): return value
        case .list:
            throw DatasetError(.invalidArgument, "partition.\(key): found a list, expected a single value")
        }
    }
}
