/// `subject`: `site-1` … `site-N`, the subjects dealt in turn without any draw, as `SubjectPartition` describes.
public struct SubjectPartitioner: Partitioner {
    /// How many sites.
    public var clients: Int

    /// Makes the scheme.
    public init(clients: Int) {
        self.clients = clients
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        let groups = try input.rowsBySubject(for: "subject")
        let dealt = try SubjectPartition.deal(subjects: groups.map(\.subject), sites: clients)
        let rows = Dictionary(uniqueKeysWithValues: groups.map { ($0.subject, $0.rows) })
        let clients = dealt.enumerated().map { number, own in
            Partition.Client(id: "site-\(number + 1)", rows: own.flatMap { rows[$0] ?? [] }.sorted())
        }
        return try Partition(clients: clients, rowCount: input.count)
    }
}
