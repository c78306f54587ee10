public import Datasets

/// A client of a simulation: a name and rows of the shared training data.
public struct VirtualClient: Sendable, Hashable {
    /// The client's name; its number in seeded draws comes from it, as at a daemon.
    public var name: String
    /// Its rows of the training data, in order.
    public var rows: [Int]
    /// What sets its sensors apart, if anything; applied when it trains.
    public var traits: ClientTraits?
    /// Its place in the partition, from 0.
    public var position: Int
    /// Its place in the benchmark's own list of clients, from 0: its number in faithful corruption.
    public var place: Int
    /// Rows of the training data that it is evaluated on and does not train on.
    public var heldOut: [Int] = []

    /// A client.
    public init(name: String, rows: [Int], traits: ClientTraits? = nil, position: Int = 0, place: Int? = nil) {
        self.name = name
        self.rows = rows
        self.traits = traits
        self.position = position
        self.place = place ?? position
    }
}

/// The data of a simulation: one copy, shared by all clients and workers.
public struct SimulationData: Sendable {
    /// What clients train on.
    public var train: MultimodalDataset
    /// Who trains on what.
    public var clients: [VirtualClient]
    /// The held-out splits by name, evaluated whole.
    public var heldOut: [String: DatasetView]
    /// Decides the noise of clients with traits.
    public var traitSeed: UInt64
    /// The number of the first client in the draws of faithful corruption.
    public var firstCorruptionIndex: Int

    /// Gathers the parts.
    ///
    /// - Throws: ``SimulationError`` `data` when there is no client, two have one name, or a row does not exist.
    public init(
        train: MultimodalDataset, clients: [VirtualClient], heldOut: [String: DatasetView],
        traitSeed: UInt64 = PartitionScheme.Parameters.defaultSeed,
        firstCorruptionIndex: Int = BenchmarkDataset.uciHAR.firstCorruptionIndex
    ) throws(SimulationError) {
        guard !clients.isEmpty else { throw SimulationError(.data, "the partition gives no clients") }
        guard Set(clients.map(\.name)).count == clients.count else {
            throw SimulationError(.data, "two clients of the partition have the same name")
        }
        for client in clients {
            guard client.rows.allSatisfy({ (0..<train.count).contains($0) }) else {
                throw SimulationError(
                    .data, "client \(client.name) has a row outside the \(train.count) training examples")
            }
        }
        self.train = train
        self.clients = clients
        self.heldOut = heldOut
        self.traitSeed = traitSeed
        self.firstCorruptionIndex = firstCorruptionIndex
    }

    /// The same data where every client holds a share of its rows out, as ``Partition/division(of:share:seed:position:)``
    /// draws it under `traitSeed`.
    ///
    /// - Throws: ``SimulationError`` `job` when clients share rows: one would train on what another holds out.
    func holdingOut(_ share: Double) throws(SimulationError) -> SimulationData {
        guard share > 0 else { return self }
        var seen: Set<Int> = []
        guard clients.allSatisfy({ client in client.rows.allSatisfy { seen.insert($0).inserted } }) else {
            throw SimulationError(
                .job,
                "evaluation.perClientHoldOut: found \(share), but clients of this partition share rows; expected 0")
        }
        var data = self
        for (index, client) in clients.enumerated() {
            let division = Partition.division(
                of: client.rows, share: share, seed: traitSeed, position: client.position)
            (data.clients[index].rows, data.clients[index].heldOut) = (division.rows, division.heldOut)
        }
        return data
    }
}
