import Randomness

/// `dirichlet`: label skew; the rows of each class are dealt by proportions p ~ Dir(α, …, α) over the clients.
///
/// Small α gives each client few classes, large α gives every client the same mixture. The idea of a Dirichlet prior is
/// from T.-M. H. Hsu, H. Qi, M. Brown, "Measuring the effects of non-identical data distribution for federated visual
/// classification", 2019, who draw the mixture of each client; drawing the clients of each class, which uses up every
/// row, is from M. Yurochkin et al., "Bayesian nonparametric federated learning of neural networks", ICML 2019, and is
/// what most libraries mean. Sizes follow from the draw. Proportions are drawn again until every client has `minimum`
/// rows.
public struct DirichletPartitioner: Partitioner {
    /// How many clients.
    public var clients: Int
    /// The concentration α.
    public var alpha: Double
    /// The fewest rows a client may have.
    public var minimum: Int
    /// Whether a client that holds its even share N/C gets nothing of further classes, which evens out the sizes.
    public var isBalanced: Bool
    /// Decides the draws.
    public var seed: UInt64

    /// Makes the scheme.
    public init(clients: Int, alpha: Double, minimum: Int = 1, isBalanced: Bool = false, seed: UInt64) {
        self.clients = clients
        self.alpha = alpha
        self.minimum = minimum
        self.isBalanced = isBalanced
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clients, minimum: minimum)
        try input.checkCells(clients: clients)
        try Self.check(alpha: alpha)
        var stream = RandomStream(seed: seed, purpose: "partition-dirichlet")
        let allocation = DirichletAllocation(
            clients: clients, alpha: alpha, minimum: minimum, isBalanced: isBalanced)
        let rows = try allocation.rows(of: input.rowsByClass(), place: "scheme 'dirichlet'", stream: &stream)
        return try .ofNumbered(rows, rowCount: input.count)
    }

    /// Checks a concentration.
    static func check(alpha: Double) throws(DatasetError) {
        guard alpha >= 1e-6, alpha <= 1e9 else {
            throw DatasetError(.invalidArgument, "alpha is \(alpha), expected 1e-06...1e+09")
        }
    }
}
