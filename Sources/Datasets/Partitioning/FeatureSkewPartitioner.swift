import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// `feature-skew`: the rows of another scheme, recorded by clients whose sensors differ.
///
/// Client i of N has gain exp(a z), offset b z′ and noise c · i/N, z and z′ standard normal: drifting calibration, and
/// noise that grows from client to client as in Q. Li et al., "Federated learning on non-IID data silos: an
/// experimental study", ICDE 2022 (noise-based feature imbalance).
public struct FeatureSkewPartitioner: Partitioner {
    /// Who gets which rows.
    public var base: any Partitioner
    /// The spread a of the gains' logarithm.
    public var gainSpread: Double
    /// The spread b of the offsets.
    public var offsetSpread: Double
    /// The noise c of the last client.
    public var noise: Double
    /// Decides the traits.
    public var seed: UInt64

    /// Makes the scheme.
    public init(
        base: any Partitioner, gainSpread: Double = 0.2, offsetSpread: Double = 0.2, noise: Double = 0.1, seed: UInt64
    ) {
        self.base = base
        self.gainSpread = gainSpread
        self.offsetSpread = offsetSpread
        self.noise = noise
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        for (name, value, limit) in [
            ("gainSpread", gainSpread, 5), ("offsetSpread", offsetSpread, 1e6), ("noise", noise, 1e6),
        ] {
            guard value >= 0, value <= limit else {
                throw DatasetError(.invalidArgument, "\(name) is \(value), expected 0...\(limit)")
            }
        }
        let plain = try base.partition(input)
        var clients = plain.clients
        for index in clients.indices {
            var stream = RandomStream(
                seed: seed, purpose: "partition-feature-skew", client: UInt32(truncatingIfNeeded: index))
            let logarithm = gainSpread * stream.normal()
            clients[index].traits = ClientTraits(
                gain: exp(logarithm), offset: offsetSpread * stream.normal(),
                noise: noise * Double(index + 1) / Double(clients.count))
        }
        return try Partition(
            clients: clients, heldOut: plain.heldOut, rowCount: plain.rowCount, sharesRows: plain.sharesRows)
    }
}
