import Randomness

/// `iid`: the rows, shuffled, in equal pieces.
///
/// Sizes differ by at most one row. The baseline of B. McMahan et al., "Communication-efficient learning of deep
/// networks from decentralized data", AISTATS 2017.
public struct IIDPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// Decides the shuffle.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, seed: UInt64) {
        self.clients = clients
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients)
        var stream = RandomStream(seed: seed, purpose: "partition-iid")
        let sizes = Apportionment.equal(total: input.count, count: clients)
        return try .ofNumbered(
            Apportionment.cut(stream.permutation(count: input.count), sizes: sizes), rowCount: input.count)
    }
}
