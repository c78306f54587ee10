import Randomness

/// `shards`: the rows sorted by label, cut into equal shards, and `shardsPerClient` shards dealt to each client at
/// random.
///
/// A client has rows of few classes, about as many as shards. Rows of one label keep their order in the data set.
/// Source: B. McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS
/// 2017, section 3 (200 shards of MNIST, two a client). Shard sizes differ by at most one row where theirs divide
/// evenly.
public struct ShardPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// How many shards a client gets.
    public var shardsPerClient: Int
    /// Decides who gets which shards.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, shardsPerClient: Int = 2, seed: UInt64) {
        self.clients = clients
        self.shardsPerClient = shardsPerClient
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients)
        guard shardsPerClient >= 1, shardsPerClient <= input.count / clients else {
            throw DatasetError(
                .invalidArgument,
                "shardsPerClient is \(shardsPerClient), expected 1...\(input.count / clients): \(clients) clients "
                    + "share \(input.count) rows")
        }
        var stream = RandomStream(seed: seed, purpose: "partition-shards")
        let count = clients * shardsPerClient
        let shards = Apportionment.cut(
            input.rowsByClass().flatMap { $0 }, sizes: Apportionment.equal(total: input.count, count: count))
        let order = stream.permutation(count: count)
        let rows = (0..<clients).map { client in
            order[client * shardsPerClient..<(client + 1) * shardsPerClient].flatMap { shards[$0] }
        }
        return try .ofNumbered(rows, rowCount: input.count)
    }
}
