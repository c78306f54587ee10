import Randomness

extension Partition {
    /// What a client trains on, and what it holds out for its own evaluation.
    public struct Division: Sendable, Hashable {
        /// The rows that it trains on, in their order.
        public var rows: [Int]
        /// The rows that it holds out, in their order.
        public var heldOut: [Int]
    }

    /// A client's rows with a share of them held out: that many rounded down, at least one, and not all; of one row or
    /// none nothing. They are drawn from the stream (`seed`, `"client-hold-out"`, `position`).
    ///
    /// - Parameters:
    ///   - share: more than 0 and less than 1.
    ///   - position: the client's place in the partition, from 0.
    public static func division(of rows: [Int], share: Double, seed: UInt64, position: Int) -> Division {
        guard share > 0, rows.count > 1 else { return Division(rows: rows, heldOut: []) }
        let count = min(rows.count - 1, max(1, Int(Double(rows.count) * share)))
        var stream = RandomStream(
            seed: seed, purpose: "client-hold-out", client: UInt32(truncatingIfNeeded: position))
        let chosen = Set(stream.permutation(count: rows.count).prefix(count))
        return Division(
            rows: rows.indices.filter { !chosen.contains($0) }.map { rows[$0] },
            heldOut: rows.indices.filter(chosen.contains).map { rows[$0] })
    }
}

extension SitePartition.Prepared {
    /// The same federation where every client holds a share of its rows out, as a simulation with
    /// `evaluation.perClientHoldOut` does.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` when clients share rows: one would train on what another
    ///   holds out.
    public func holdingOut(_ share: Double) throws(DatasetError) -> SitePartition.Prepared {
        guard share > 0 else { return self }
        var seen: Set<Int> = []
        guard partition.clients.allSatisfy({ $0.rows.allSatisfy { seen.insert($0).inserted } }) else {
            throw DatasetError(
                .invalidArgument,
                "evaluation.perClientHoldOut: found \(share), but clients of this partition share rows; expected 0")
        }
        let clients = partition.clients.enumerated().map { position, client in
            var client = client
            client.rows = Partition.division(of: client.rows, share: share, seed: seed, position: position).rows
            return client
        }
        return SitePartition.Prepared(
            train: train, heldOut: heldOut,
            partition: try Partition(clients: clients, heldOut: partition.heldOut, rowCount: partition.rowCount),
            seed: seed, notes: notes, benchmark: benchmark)
    }
}
