/// `natural`: every subject is a client, named by its name or number, with all of its rows in their order.
///
/// No draw is involved. The partition of user-keyed benchmarks: S. Caldas et al., "LEAF: a benchmark for federated
/// settings", 2018.
public struct NaturalPartitioner: Partitioner {
    /// Makes the scheme.
    public init() {}

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        let clients = try input.rowsBySubject(for: "natural").map {
            Partition.Client(id: input.name(of: $0.subject), rows: $0.rows)
        }
        return try Partition(clients: clients, rowCount: input.count)
    }
}
