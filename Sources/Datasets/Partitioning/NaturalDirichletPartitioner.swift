import Randomness

/// `natural-dirichlet`: each subject's rows are dealt to a few clients of its own by Dirichlet proportions over labels.
///
/// Both skews at once: no client mixes people, and α decides how different the clients of one person are. Clients are
/// named `<subject>-<shard>`, shards from 0. The scheme of T. Feng et al., "FedMultimodal", KDD 2023, for sensor data,
/// with draws of our own; ``FedMultimodalPartitioner`` reproduces theirs.
public struct NaturalDirichletPartitioner: Partitioner {
    /// How many clients a subject becomes.
    public var clientsPerSubject: Int
    /// The concentration α.
    public var alpha: Double
    /// The fewest rows a client may have.
    public var minimum: Int
    /// Whether the sizes within a subject are evened out, as in ``DirichletPartitioner``.
    public var isBalanced: Bool
    /// Decides the draws; a subject's do not depend on who else is there.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clientsPerSubject: Int, alpha: Double, minimum: Int = 1, isBalanced: Bool = false, seed: UInt64) {
        self.clientsPerSubject = clientsPerSubject
        self.alpha = alpha
        self.minimum = minimum
        self.isBalanced = isBalanced
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clientsPerSubject, minimum: minimum)
        try input.checkCells(clients: clientsPerSubject)
        try DirichletPartitioner.check(alpha: alpha)
        let allocation = DirichletAllocation(
            clients: clientsPerSubject, alpha: alpha, minimum: minimum, isBalanced: isBalanced)
        var clients: [Partition.Client] = []
        for (subject, rows) in try input.rowsBySubject(for: "natural-dirichlet") {
            var stream = RandomStream(
                seed: seed, purpose: "partition-natural-dirichlet", client: UInt32(truncatingIfNeeded: subject))
            let shards = try allocation.rows(
                of: input.rowsByClass(rows), place: "scheme 'natural-dirichlet', subject \(subject)", stream: &stream)
            clients += shards.enumerated().map { .init(id: "\(subject)-\($0)", rows: $1.sorted()) }
        }
        return try Partition(clients: clients, rowCount: input.count)
    }
}
