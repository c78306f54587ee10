import Randomness

/// `sampled`: every client draws its own rows from the whole training split; clients share rows.
///
/// As many clients as wanted, however few rows there are: each gets a uniformly random set of `minimum` to
/// `rowsPerClient` different rows, its size uniform between the two. What one client gets does not depend on how many
/// others there are. These are the artificial users of F. Granqvist et al., "pfl-research: simulation framework for
/// accelerating research in private federated learning", NeurIPS 2024: they measure how a method scales with the number
/// of clients, and say nothing about clients that differ.
public struct SampledPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// The most rows of a client.
    public var rowsPerClient: Int
    /// The fewest rows of a client.
    public var minimum: Int
    /// Decides the draws.
    public var seed: UInt64

    /// Makes the scheme.
    ///
    /// - Parameter minimum: `rowsPerClient` when nil.
    public init(clients: Int, rowsPerClient: Int, minimum: Int? = nil, seed: UInt64) {
        self.clients = clients
        self.rowsPerClient = rowsPerClient
        self.minimum = minimum ?? rowsPerClient
        self.seed = seed
    }

    /// Draws the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        guard (1...PartitionInput.maximumClients).contains(clients) else {
            throw DatasetError(
                .invalidArgument, "clients is \(clients), expected 1...\(PartitionInput.maximumClients)")
        }
        let most = min(input.count, PartitionInput.maximumRows / clients)
        guard rowsPerClient >= 1, rowsPerClient <= most else {
            throw DatasetError(
                .invalidArgument,
                "rowsPerClient is \(rowsPerClient), expected 1...\(most) for \(clients) clients of \(input.count) rows")
        }
        guard minimum >= 1, minimum <= rowsPerClient else {
            throw DatasetError(.invalidArgument, "minimum is \(minimum), expected 1...\(rowsPerClient), rowsPerClient")
        }
        let own = zip(Partition.numbered(clients), 0..<clients).map { id, number -> Partition.Client in
            var stream = RandomStream(
                seed: seed, purpose: "partition-sampled", client: UInt32(truncatingIfNeeded: number))
            let count = minimum + stream.below(rowsPerClient - minimum + 1)
            return Partition.Client(id: id, rows: stream.sample(count: count, from: input.count).sorted())
        }
        return try Partition(clients: own, rowCount: input.count, sharesRows: true)
    }
}
