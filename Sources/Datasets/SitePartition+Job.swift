public import Jobs

extension SitePartition.Request {
    /// What a simulation of a job partitions: the data set that it names, dealt as its `partition` map says.
    ///
    /// Without a scheme, and with the scheme `subject` without `clients`, the rows go by subject to as many clients as the
    /// job needs: what the demonstration does.
    ///
    /// - Parameter data: where real data lie.
    /// - Throws: `DatasetError` with code `invalidArgument` for another data set, key or value.
    public init(_ job: JobSpecification, data: String? = nil) throws(DatasetError) {
        guard let source = SitePartition.Source(rawValue: job.data) else {
            throw DatasetError(
                .invalidArgument,
                "data: found \"\(job.data)\", expected one of "
                    + SitePartition.Source.allCases.map(\.rawValue).joined(separator: ", "))
        }
        var map = job.partition
        if map["scheme"] == nil { map["scheme"] = "subject" }
        if map["scheme"] == "subject", map["clients"] == nil {
            map["clients"] = .int(max(job.clients.minimum, job.clients.perRound))
        }
        var texts: [String: String] = [:]
        for (key, value) in map { texts[key] = try Self.text(value, key) }
        self.init(source: source, data: data, partition: try .init(texts))
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
