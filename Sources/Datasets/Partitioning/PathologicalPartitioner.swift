import Randomness

/// `pathological`: every client has rows of at most `classesPerClient` classes.
///
/// Clients choose in turn the classes that the fewest clients hold so far, ties at random, so that all classes have
/// about as many holders; the shuffled rows of a class are then divided evenly between its holders. As in P. P. Liang
/// et al., "Think locally, act globally", 2020, and L. Collins et al., "Exploiting shared representations for
/// personalized federated learning", ICML 2021, after the shards of McMahan et al. (``ShardPartitioner``).
public struct PathologicalPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// How many different classes a client gets.
    public var classesPerClient: Int
    /// The fewest rows a client may have.
    public var minimum: Int
    /// Decides the draws.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, classesPerClient: Int, minimum: Int = 1, seed: UInt64) {
        self.clients = clients
        self.classesPerClient = classesPerClient
        self.minimum = minimum
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients, minimum: minimum)
        var classes = input.rowsByClass()
        let present = classes.indices.filter { !classes[$0].isEmpty }
        guard classesPerClient >= 1, classesPerClient <= present.count else {
            throw DatasetError(
                .invalidArgument,
                "classesPerClient is \(classesPerClient), expected 1...\(present.count), the number of "
                    + "classes with rows"
            )
        }
        try input.checkCells(clients: clients)
        guard clients * classesPerClient >= present.count else {
            throw DatasetError(
                .invalidArgument,
                "\(clients) clients of \(classesPerClient) classes leave some of \(present.count) classes to nobody; "
                    + "expected at least \((present.count + classesPerClient - 1) / classesPerClient) clients")
        }
        var stream = RandomStream(seed: seed, purpose: "partition-pathological")
        var holders = [[Int]](repeating: [], count: input.classes)
        for client in 0..<clients {
            let order = stream.shuffled(present).enumerated().sorted {
                (holders[$0.element].count, $0.offset) < (holders[$1.element].count, $1.offset)
            }
            for (_, label) in order.prefix(classesPerClient) { holders[label].append(client) }
        }
        var rows = [[Int]](repeating: [], count: clients)
        for label in present {
            stream.shuffle(&classes[label])
            // In random order: where rows do not divide evenly, no client is always the one that gets more.
            let own = stream.shuffled(holders[label])
            let sizes = Apportionment.equal(total: classes[label].count, count: own.count)
            for (client, piece) in zip(own, Apportionment.cut(classes[label], sizes: sizes)) { rows[client] += piece }
        }
        if let short = rows.firstIndex(where: { $0.count < minimum }) {
            throw DatasetError(
                .invalidArgument,
                "scheme 'pathological': client \(short + 1) would get \(rows[short].count) rows, expected at least "
                    + "\(minimum); use fewer clients or more classes a client")
        }
        return try .ofNumbered(rows, rowCount: input.count)
    }
}
