import Randomness

/// `continuous-skew`: clients differ in a continuous value of their rows, e.g. how lively a signal is.
///
/// The rows are sorted by s · z(v) + (1 − s) · ε, where z standardises the values, ε is standard normal and s is the
/// strictness, then cut into equal pieces: at s = 1 the clients' ranges of v do not overlap, at s = 0 the rows are
/// dealt alike. As Flower Datasets' `ContinuousPartitioner`.
public struct ContinuousSkewPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// The strictness s in 0...1.
    public var strictness: Double
    /// Decides the noise.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, strictness: Double = 1, seed: UInt64) {
        self.clients = clients
        self.strictness = strictness
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients)
        guard strictness >= 0, strictness <= 1 else {
            throw DatasetError(.invalidArgument, "strictness is \(strictness), expected 0...1")
        }
        guard let values = input.values else {
            throw DatasetError(.invalidArgument, "scheme 'continuous-skew' sorts by a value a row, and none is given")
        }
        var stream = RandomStream(seed: seed, purpose: "partition-continuous-skew")
        // Scaled first, so that squares of huge values stay finite.
        let largest = values.reduce(0) { max($0, abs($1)) }
        let scaled = largest > 0 ? values.map { $0 / largest } : values
        let mean = scaled.reduce(0, +) / Double(scaled.count)
        let variance = scaled.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(scaled.count)
        let deviation = variance > 0 ? variance.squareRoot() : 1
        let keys = scaled.map { strictness * ($0 - mean) / deviation + (1 - strictness) * stream.normal() }
        let order = keys.indices.sorted { (keys[$0], $0) < (keys[$1], $1) }
        let sizes = Apportionment.equal(total: input.count, count: clients)
        return try .ofNumbered(Apportionment.cut(order, sizes: sizes), rowCount: input.count)
    }
}
