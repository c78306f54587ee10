#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// How much the clients of a partition differ in size and labels.
public struct HeterogeneityReport: Sendable, Codable, Hashable {
    /// The most clients whose pairs are all compared; of more, this many are taken at even steps through the list.
    public static let maximumCompared = 500

    /// Minimum, mean, maximum and population standard deviation of a number a client.
    public struct Summary: Sendable, Codable, Hashable {
        /// The smallest.
        public var min: Double
        /// The arithmetic mean.
        public var mean: Double
        /// The largest.
        public var max: Double
        /// The standard deviation, dividing by the number of clients.
        public var std: Double

        /// Summarises at least one value.
        init(_ values: [Double]) {
            let count = Double(Swift.max(1, values.count))
            let mean = values.reduce(0, +) / count
            self.min = values.min() ?? 0
            self.mean = mean
            self.max = values.max() ?? 0
            self.std = (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
        }
    }

    /// The Jensen-Shannon distances between the label distributions of pairs of clients.
    public struct Distance: Sendable, Codable, Hashable {
        /// The mean over the pairs; 0 when there is no pair.
        public var mean: Double
        /// The largest; 1 for clients without a common label.
        public var max: Double
        /// How many clients were compared with each other: all that have rows, or a sample of ``maximumCompared``.
        public var clients: Int
        /// Whether it is a sample.
        public var isSample: Bool
    }

    /// One client.
    public struct Client: Sendable, Codable, Hashable {
        /// The identifier.
        public var id: String
        /// The number of rows.
        public var rows: Int
        /// The number of rows of each class.
        public var labels: [Int]
        /// The entropy of the labels in bits: 0 for one class, log₂ K for K classes in equal parts.
        public var entropy: Double
        /// What else sets the client apart.
        public var traits: ClientTraits?
    }

    /// The number of rows of the training split.
    public var rows: Int
    /// The number of rows of each held-out list.
    public var heldOut: [String: Int]
    /// The sizes of the clients.
    public var sizes: Summary
    /// The number of different classes of a client.
    public var classesPerClient: Summary
    /// The label entropies of the clients, in bits.
    public var entropy: Summary
    /// How far label distributions lie apart.
    public var distance: Distance
    /// The clients, in the order of the partition.
    public var clients: [Client]

    /// Describes a partition.
    ///
    /// The Jensen-Shannon distance of p and q is √(H((p+q)/2) − (H(p)+H(q))/2) with entropies in bits, a metric in
    /// 0...1 (D. M. Endres, J. E. Schindelin, "A new metric for probability distributions", 2003). Time is O(rows + n²
    /// K) for n compared clients of K classes.
    ///
    /// - Parameters:
    ///   - partition: the partition.
    ///   - labels: the label of each row of the training split.
    ///   - classes: the number of classes.
    /// - Throws: `DatasetError` with code `mismatch` when the labels are not those of the partition's rows.
    public init(_ partition: Partition, labels: [Int], classes: Int) throws(DatasetError) {
        guard labels.count == partition.rowCount, classes >= 1, labels.allSatisfy((0..<classes).contains) else {
            throw DatasetError(
                .mismatch,
                "\(labels.count) labels of \(classes) classes do not fit a partition of \(partition.rowCount) rows")
        }
        let clients = partition.clients.map { client in
            var counts = [Int](repeating: 0, count: classes)
            for row in client.rows { counts[labels[row]] += 1 }
            return Client(
                id: client.id, rows: client.rows.count, labels: counts, entropy: Self.entropy(counts),
                traits: client.traits)
        }
        rows = partition.rowCount
        heldOut = Dictionary(uniqueKeysWithValues: partition.heldOut.map { ($0.name, $0.rows.count) })
        sizes = Summary(clients.map { Double($0.rows) })
        classesPerClient = Summary(clients.map { Double($0.labels.count { $0 > 0 }) })
        entropy = Summary(clients.map(\.entropy))
        distance = Self.distance(clients.filter { $0.rows > 0 })
        self.clients = clients
    }

    private static func entropy(_ counts: [Int]) -> Double {
        let total = Double(counts.reduce(0, +))
        return counts.reduce(0.0) { sum, count in
            guard count > 0 else { return sum }
            let share = Double(count) / total
            return sum - share * log2(share)
        }
    }

    private static func distance(_ clients: [Client]) -> Distance {
        let count = min(clients.count, maximumCompared)
        let chosen = (0..<count).map { clients[$0 * clients.count / count] }
        let shares = chosen.map { client in client.labels.map { Double($0) / Double(client.rows) } }
        var sum = 0.0
        var largest = 0.0
        for first in 0..<count {
            for second in first + 1..<max(first + 1, count) {
                var divergence = -(chosen[first].entropy + chosen[second].entropy) / 2
                for (one, other) in zip(shares[first], shares[second]) {
                    let middle = (one + other) / 2
                    if middle > 0 { divergence -= middle * log2(middle) }
                }
                let distance = min(1, max(0, divergence)).squareRoot()
                sum += distance
                largest = max(largest, distance)
            }
        }
        let pairs = count * (count - 1) / 2
        return Distance(
            mean: pairs > 0 ? sum / Double(pairs) : 0, max: largest, clients: count, isSample: count < clients.count)
    }
}
