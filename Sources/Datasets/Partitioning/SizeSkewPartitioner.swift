import Randomness

/// `size-skew`: rows are drawn alike, but clients have very different numbers of them.
///
/// Sizes follow a ``SizeLaw``; a client whose share would be below the minimum gets the minimum. The laws linear,
/// square and exponential are those of Flower Datasets' size partitioners, log-normal that of FedLab's unbalanced
/// partition.
public struct SizeSkewPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// How sizes relate.
    public var law: SizeLaw
    /// The rate of the exponential law, the σ of the log-normal one; 0...100, without meaning for the others.
    public var spread: Double
    /// The fewest rows a client may have.
    public var minimum: Int
    /// Decides the draws.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, law: SizeLaw, spread: Double = 1, minimum: Int = 1, seed: UInt64) {
        self.clients = clients
        self.law = law
        self.spread = spread
        self.minimum = minimum
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients, minimum: minimum)
        var stream = RandomStream(seed: seed, purpose: "partition-size-skew")
        let sizes = try law.sizes(
            clients: clients, total: input.count, minimum: minimum, spread: spread, stream: &stream)
        return try .ofNumbered(
            Apportionment.cut(stream.permutation(count: input.count), sizes: sizes), rowCount: input.count)
    }
}
