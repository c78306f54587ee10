import Randomness

/// `inner-dirichlet`: label skew at sizes that are fixed first.
///
/// Client sizes are even, or log-normal with spread σ; each client c draws its mixture of classes q_c ~ Dir(α, …, α).
/// Then the places of all clients are filled in random order, each with a row of a class drawn from its client's
/// mixture among the classes that have rows left. The last places take what is left, so mixtures bend towards the end.
///
/// Source: D. A. E. Acar et al., "Federated learning based on dynamic regularization", ICLR 2021; FedLab's
/// `client_inner_dirichlet_partition`, which redraws until it meets a class that is left where this renormalises.
public struct InnerDirichletPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// The concentration α.
    public var alpha: Double
    /// The σ of the log-normal weights of the sizes; 0 makes sizes even.
    public var sizeSpread: Double
    /// The fewest rows a client may have.
    public var minimum: Int
    /// Decides the draws.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, alpha: Double, sizeSpread: Double = 0, minimum: Int = 1, seed: UInt64) {
        self.clients = clients
        self.alpha = alpha
        self.sizeSpread = sizeSpread
        self.minimum = minimum
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients, minimum: minimum)
        try input.checkCells(clients: clients)
        try DirichletPartitioner.check(alpha: alpha)
        var stream = RandomStream(seed: seed, purpose: "partition-inner-dirichlet")
        let sizes = try SizeLaw.logNormal.sizes(
            clients: clients, total: input.count, minimum: minimum, spread: sizeSpread, stream: &stream)
        let mixtures = (0..<clients).map { _ in
            stream.dirichlet(concentration: alpha, count: input.classes)
        }
        var left = input.rowsByClass()
        for index in left.indices { stream.shuffle(&left[index]) }
        var places = sizes.enumerated().flatMap { Array(repeating: $0, count: $1) }
        stream.shuffle(&places)
        var rows = [[Int]](repeating: [], count: clients)
        for client in places {
            let label = Self.pick(mixtures[client], among: left, stream.uniform())
            if let row = left[label].popLast() { rows[client].append(row) }
        }
        return try .ofNumbered(rows, rowCount: input.count)
    }

    /// A class that has rows left, with the mixture's probabilities over those; by remaining rows where these are all
    /// 0.
    private static func pick(_ mixture: [Double], among left: [[Int]], _ uniform: Double) -> Int {
        var total = 0.0
        for label in left.indices where !left[label].isEmpty { total += mixture[label] }
        let usesMixture = total > 0
        if !usesMixture { total = Double(left.reduce(0) { $0 + $1.count }) }
        var remaining = uniform * total
        var last = 0
        for label in left.indices where !left[label].isEmpty {
            let weight = usesMixture ? mixture[label] : Double(left[label].count)
            guard weight > 0 else { continue }
            last = label
            if remaining < weight { return label }
            remaining -= weight
        }
        return last
    }
}
