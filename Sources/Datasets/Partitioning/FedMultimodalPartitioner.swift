import Randomness

/// `fedmultimodal`: the partition that the benchmark's own code makes of its sensor data sets, row for row.
///
/// 1. A subject's rows are sorted by their numbers *as text* and shuffled; the first fifth, rounded down, is held out
///    as `dev`, the rest is trained on in shuffled order.
/// 2. The training rows are dealt to `clientsPerSubject` clients: for each class in turn its rows are shuffled,
///    p ~ Dir(α, …, α) is drawn, p_c is set to 0 for clients that hold N/C rows or more, and the class is cut at
///    ⌊n_k Σ p⌋. This is repeated, the generator running on, until every client has `minimum` rows.
/// 3. Client s of a subject is `<subject>-<s>`, s from 0, its rows in the order dealt.
///
/// Both steps start from NumPy's legacy generator with the same seed for every subject. Source: T. Feng et al.,
/// "FedMultimodal: a benchmark for multimodal federated learning", KDD 2023, and its code.
public struct FedMultimodalPartitioner: Partitioner {
    /// How often the proportions are drawn before the parameters are called impossible.
    static let maximumAttempts = 10_000

    /// How many clients a subject becomes.
    public var clientsPerSubject: Int
    /// The concentration α; the benchmark uses 0.1 and 5.
    public var alpha: Double
    /// The fewest rows a client may have.
    public var minimum: Int
    /// The seed of the legacy generator.
    public var seed: UInt32

    /// Makes the scheme with the benchmark's numbers.
    public init(clientsPerSubject: Int = 5, alpha: Double, minimum: Int = 5, seed: UInt32 = 8) {
        self.clientsPerSubject = clientsPerSubject
        self.alpha = alpha
        self.minimum = minimum
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        try input.check(clients: clientsPerSubject, minimum: minimum)
        try input.checkCells(clients: clientsPerSubject)
        try DirichletPartitioner.check(alpha: alpha)
        var clients: [Partition.Client] = []
        var held: [Int] = []
        for (subject, rows) in try input.rowsBySubject(for: "fedmultimodal") {
            let (dev, train) = split(rows)
            held += dev
            let shards = try deal(train, labels: input.labels, place: "scheme 'fedmultimodal', subject \(subject)")
            clients += shards.enumerated().map { .init(id: "\(subject)-\($0)", rows: $1) }
        }
        return try Partition(clients: clients, heldOut: [.init(name: "dev", rows: held)], rowCount: input.count)
    }

    /// Step 1.
    private func split(_ rows: [Int]) -> (dev: [Int], train: [Int]) {
        // Digits only, so the order of Unicode scalars is the order of the text.
        let byText = rows.map { (text: String($0), row: $0) }.sorted { $0.text < $1.text }.map(\.row)
        var generator = LegacyRandomState(seed: seed)
        let shuffled = generator.permutation(rows.count).map { byText[$0] }
        let held = rows.count / 5
        return (Array(shuffled[..<held]), Array(shuffled[held...]))
    }

    /// Step 2.
    private func deal(_ rows: [Int], labels: [Int], place: String) throws(DatasetError) -> [[Int]] {
        let classes = Set(rows.map { labels[$0] })
        guard (0..<classes.count).allSatisfy(classes.contains) else {
            throw DatasetError(
                .invalidArgument,
                "\(place): labels \(classes.sorted()), expected 0...\(max(0, classes.count - 1)) without a gap: the "
                    + "benchmark's code would lose rows")
        }
        guard minimum <= rows.count / clientsPerSubject else {
            throw DatasetError(
                .invalidArgument,
                "\(place): \(rows.count) rows are too few for \(clientsPerSubject) clients of at least \(minimum)")
        }
        let byClass = (0..<classes.count).map { label in rows.filter { labels[$0] == label } }
        var generator = LegacyRandomState(seed: seed)
        for _ in 0..<Self.maximumAttempts {
            let shards = draw(byClass, total: rows.count, &generator)
            if let shards, shards.allSatisfy({ $0.count >= minimum }) { return shards }
        }
        throw DatasetError(
            .invalidArgument,
            "\(place): none of \(Self.maximumAttempts) draws gave each of \(clientsPerSubject) clients at least "
                + "\(minimum) rows; expected a larger alpha or a smaller minimum")
    }

    /// One attempt; nil where the proportions vanish, for which NumPy has no defined result.
    private func draw(_ classes: [[Int]], total: Int, _ generator: inout LegacyRandomState) -> [[Int]]? {
        var shards = [[Int]](repeating: [], count: clientsPerSubject)
        let evenShare = Double(total) / Double(clientsPerSubject)
        for rows in classes {
            var rows = rows
            generator.shuffle(&rows)
            var shares = generator.dirichlet(Array(repeating: alpha, count: clientsPerSubject))
            for (client, shard) in shards.enumerated() where Double(shard.count) >= evenShare { shares[client] = 0 }
            let sum = Self.sum(shares[...])
            guard sum > 0 else { return nil }
            var cumulative = 0.0
            var start = 0
            for client in shards.indices {
                cumulative += shares[client] / sum
                let isLast = client == shards.count - 1
                let end = isLast ? rows.count : min(rows.count, Int(cumulative * Double(rows.count)))
                shards[client] += rows[start..<end]
                start = end
            }
        }
        return shards
    }

    /// NumPy's order of summation, on which the last bit of a cut point depends: eight running sums over blocks of at
    /// most 128 numbers, and halves of longer lists apart.
    static func sum(_ values: ArraySlice<Double>) -> Double {
        guard values.count >= 8 else { return values.reduce(0, +) }
        guard values.count <= 128 else {
            let half = values.startIndex + values.count / 2 / 8 * 8
            return sum(values[..<half]) + sum(values[half...])
        }
        var sums = Array(values.prefix(8))
        let whole = values.startIndex + values.count / 8 * 8
        for index in stride(from: values.startIndex + 8, to: whole, by: 8) {
            for lane in 0..<8 { sums[lane] += values[index + lane] }
        }
        let lanes = ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]))
        return values[whole...].reduce(lanes, +)
    }
}
