import Randomness

/// `fedmultimodal`: the partitions that the benchmark's own code makes, row for row.
///
/// 1. Where `dev` is drawn: rows are put into the order of their keys and shuffled; the first fifth, rounded down, is
///    held out, the rest is trained on in shuffled order. It is drawn from each subject's rows, or from all where one
///    draw deals all rows.
/// 2. Rows become clients in one of the forms of ``Form``. A Dirichlet draw over C clients: for each class in turn its
///    rows are shuffled, p ~ Dir(α, …, α) is drawn, p_c is set to 0 for clients that hold N/C rows or more, and the
///    class is cut at ⌊n_k Σ p⌋. This is repeated, the generator running on, until every client has `minimum` rows.
///    Client s of a subject is `<subject>-<s>`, of one draw over all rows `<s>`, s from 0, its rows in the order dealt.
///
/// Every split and every draw start from NumPy's legacy generator with the same seed. Source: T. Feng et al.,
/// "FedMultimodal: a benchmark for multimodal federated learning", KDD 2023, and its code.
public struct FedMultimodalPartitioner: Partitioner {
    /// How rows become clients.
    public enum Form: Sendable, Hashable {
        /// A Dirichlet draw within each subject, to so many clients (UCI-HAR).
        case withinSubjects(clients: Int)
        /// One Dirichlet draw over all rows, to so many clients (UCF101, MiT, Hateful Memes, CrisisMMD).
        case global(clients: Int)
        /// Each subject is a client, in the order of the benchmark's list of them; those with fewer than `minimum` rows
        /// are left out (MELD, CREMA-D, KU-HAR, PTB-XL).
        case natural
    }

    /// What the benchmark's code sorts rows by before it draws `dev`.
    public enum Keys: Sendable, Hashable {
        /// The rows' numbers as text: 0, 1, 10, 100, ….
        case rowNumbers
        /// Names of files; the data set holds its rows in their order.
        case names
    }

    /// The most Gamma variates that are drawn before the parameters are called impossible.
    static let maximumDraws = 200_000_000

    /// How rows become clients.
    public var form: Form
    /// The concentration α of Dirichlet draws; the benchmark uses 0.1 and 5. Nil in the form `natural`.
    public var alpha: Double?
    /// The fewest rows a client may have.
    public var minimum: Int
    /// What rows are sorted by before a fifth is held out as `dev`; nil where nothing is.
    public var development: Keys?
    /// The seed of the legacy generator.
    public var seed: UInt32
    /// Whether natural clients that have names are named by their place in the benchmark's list, from 0 (MELD), and not
    /// as the data set names them. Cohorts are drawn from the names in the order of their text.
    public var numbersClients = false

    /// Makes the scheme with the benchmark's numbers.
    public init(
        _ form: Form, alpha: Double? = nil, minimum: Int = 5, development: Keys? = .rowNumbers, seed: UInt32 = 8
    ) {
        self.form = form
        self.alpha = alpha
        self.minimum = minimum
        self.development = development
        self.seed = seed
    }

    /// Deals the rows.
    public func partition(_ input: PartitionInput) throws(DatasetError) -> Partition {
        var clients: [Partition.Client] = []
        var held: [Int] = []
        switch form {
        case .withinSubjects(let count):
            let alpha = try check(input, clients: count)
            for (subject, rows) in try input.rowsBySubject(for: "fedmultimodal") {
                let (dev, train) = split(rows)
                held += dev
                let name = input.name(of: subject)
                let shards = try deal(
                    train, labels: input.labels, clients: count, alpha: alpha,
                    place: "scheme 'fedmultimodal', subject \(name)")
                clients += shards.enumerated().map { .init(id: "\(name)-\($0)", rows: $1) }
            }
        case .global(let count):
            let alpha = try check(input, clients: count)
            let (dev, train) = split(Array(0..<input.count))
            held = dev
            let shards = try deal(
                train, labels: input.labels, clients: count, alpha: alpha, place: "scheme 'fedmultimodal'")
            clients = shards.enumerated().map { .init(id: String($0), rows: $1) }
        case .natural:
            guard alpha == nil else {
                throw DatasetError(
                    .invalidArgument, "scheme 'fedmultimodal': alpha is given, expected none where clients are natural")
            }
            var people = try input.rowsBySubject(for: "fedmultimodal")
            if let places = input.places { people.sort { places[$0.subject] < places[$1.subject] } }
            for (subject, rows) in people where rows.count >= minimum {
                let (dev, train) = split(rows)
                held += dev
                let place = input.places?[subject]
                let isNumbered = numbersClients && input.subjectNames != nil
                let id = isNumbered ? String(place ?? clients.count) : input.name(of: subject)
                clients.append(.init(id: id, rows: train, place: place))
            }
        }
        return try Partition(
            clients: clients, heldOut: development == nil ? [] : [.init(name: "dev", rows: held)],
            rowCount: input.count)
    }

    private func check(_ input: PartitionInput, clients: Int) throws(DatasetError) -> Double {
        try input.check(clients: clients, minimum: minimum)
        try input.checkCells(clients: clients)
        guard let alpha else {
            throw DatasetError(
                .invalidArgument, "scheme 'fedmultimodal' needs alpha; the benchmark uses 0.1 and 5.0")
        }
        try DirichletPartitioner.check(alpha: alpha)
        return alpha
    }

    /// Step 1.
    private func split(_ rows: [Int]) -> (dev: [Int], train: [Int]) {
        guard let development else { return ([], rows) }
        var sorted = rows
        if development == .rowNumbers {
            // Digits only, so the order of Unicode scalars is the order of the text.
            sorted = rows.map { (text: String($0), row: $0) }.sorted { $0.text < $1.text }.map(\.row)
        }
        let drawn = BenchmarkRules.trainDev(count: rows.count, seed: seed)
        return (drawn.dev.map { sorted[$0] }, drawn.train.map { sorted[$0] })
    }

    /// One Dirichlet draw of step 2.
    private func deal(
        _ rows: [Int], labels: [Int], clients: Int, alpha: Double, place: String
    ) throws(DatasetError) -> [[Int]] {
        let classes = Set(rows.map { labels[$0] })
        guard (0..<classes.count).allSatisfy(classes.contains) else {
            throw DatasetError(
                .invalidArgument,
                "\(place): labels \(classes.sorted()), expected 0...\(max(0, classes.count - 1)) without a gap: the "
                    + "benchmark's code would lose rows")
        }
        guard minimum <= rows.count / clients else {
            throw DatasetError(
                .invalidArgument,
                "\(place): \(rows.count) rows are too few for \(clients) clients of at least \(minimum)")
        }
        let byClass = (0..<classes.count).map { label in rows.filter { labels[$0] == label } }
        let attempts = max(1000, Self.maximumDraws / (clients * max(1, classes.count)))
        var generator = LegacyRandomState(seed: seed)
        for _ in 0..<attempts {
            let shards = draw(byClass, clients: clients, alpha: alpha, total: rows.count, &generator)
            if let shards, shards.allSatisfy({ $0.count >= minimum }) { return shards }
        }
        throw DatasetError(
            .invalidArgument,
            "\(place): none of \(attempts) draws gave each of \(clients) clients at least \(minimum) rows; expected a "
                + "larger alpha or a smaller minimum")
    }

    /// One attempt; nil where the proportions vanish, for which NumPy has no defined result.
    private func draw(
        _ classes: [[Int]], clients: Int, alpha: Double, total: Int, _ generator: inout LegacyRandomState
    ) -> [[Int]]? {
        var shards = [[Int]](repeating: [], count: clients)
        let evenShare = Double(total) / Double(clients)
        for rows in classes {
            var rows = rows
            generator.shuffle(&rows)
            var shares = generator.dirichlet(Array(repeating: alpha, count: clients))
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
