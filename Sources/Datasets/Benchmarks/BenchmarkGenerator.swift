import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Made-up examples in the form of a benchmark's data set: its modalities with their shapes, its classes and how
/// frequent they are, its splits and its clients.
///
/// Every modality tells the class by itself, through noise. Signals (up to 128 features a step) are oscillations whose
/// frequency and whose amplitudes and phases over the features belong to the class, starting anywhere; other features
/// are a direction that belongs to the class, in every step; pictures are a smooth pattern of the class. Natural clients differ in size, in their mixture of
/// classes and by an offset of their own. Where an example may have several classes, a quarter have a second one and a
/// twentieth none. What is learnt from such data says nothing about the real ones.
///
/// Templates of classes belong to the generator and do not depend on the seed. An example depends on the seed, its
/// split and its number alone.
public struct BenchmarkGenerator: Sendable {
    /// The bytes of values that a generated data set has unless a scale is given.
    public static let defaultBytes = 1 << 30
    /// The most bytes of values that are made.
    public static let maximumBytes = 16 << 30

    /// The data set whose form the examples have, with as many clients as there are rows for.
    public let benchmark: BenchmarkDataset
    /// The part of the real number of examples that is made.
    public let scale: Double
    /// Decides everything but the templates.
    public let seed: UInt64
    /// What was made smaller, for people.
    public let notes: [String]

    /// The examples of each split, and the sizes of natural clients.
    private let counts: [String: Int]
    private let clientSizes: [Int]?

    /// Makes a generator.
    ///
    /// - Parameters:
    ///   - scale: the part of the real number of examples, above 0 and up to 1; nil for as many as fit
    ///     ``defaultBytes``. Where the rows are too few for the benchmark's number of clients, there are fewer.
    /// - Throws: `DatasetError` with code `invalidArgument` for a scale out of range, `tooLarge` for one that needs more
    ///   than ``maximumBytes``.
    public init(_ benchmark: BenchmarkDataset, scale: Double? = nil, seed: UInt64 = 8) throws(DatasetError) {
        let real = benchmark.counts
        let bytes = benchmark.modalities.reduce(0) { $0 + $1.elements * 4 }
        let total = real.train + real.dev + real.test
        let scale = scale ?? min(1, Double(Self.defaultBytes) / Double(bytes) / Double(total))
        guard scale > 0, scale <= 1 else {
            throw DatasetError(.invalidArgument, "scale is \(scale), expected more than 0 and at most 1")
        }
        guard Double(bytes) * Double(total) * scale <= Double(Self.maximumBytes) else {
            throw DatasetError(
                .tooLarge,
                "synthetic \(benchmark.title) of \(total) examples of \(bytes) bytes at scale \(scale): at most "
                    + "\(Self.maximumBytes >> 30) GiB are made; expected a smaller scale")
        }
        func scaled(_ count: Int) -> Int { Int((Double(count) * scale).rounded()) }
        let classes = benchmark.classes.count
        var train = max(scaled(real.train), 4 * classes, 60)
        var benchmark = benchmark
        var sizes: [Int]?
        switch benchmark.dealing {
        case .natural:
            // Eight rows leave one for `dev` and something to learn from.
            let clients = max(2, min(benchmark.clients, train / 8))
            let range = real.clients ?? 1...2 * real.train / benchmark.clients
            let weights = Self.sizes(
                count: clients, range: range, mean: Double(real.train) / Double(benchmark.clients))
            sizes = Apportionment.sizes(weights: weights, total: train, minimum: 8)
            benchmark.clients = clients
            benchmark.dealing = .natural(minimum: 1)
        case .dirichlet(_, let minimum):
            // A draw fails on and on when the mean is near the minimum, and with fewer rows than that it must.
            let dealt = benchmark.development == .given ? train : train - train / 5
            let clients = max(2, min(benchmark.clients, dealt / max(8, 6 * minimum)))
            benchmark.clients = clients
            benchmark.dealing = .dirichlet(clients: clients, minimum: minimum)
        case .withinSubjects:
            train = max(train, benchmark.clients * 12)
        }
        counts = [
            "train": train, "test": max(scaled(real.test), 4 * classes),
            "dev": benchmark.development == .given ? max(scaled(real.dev), 4 * classes) : 0,
        ]
        clientSizes = sizes
        self.seed = seed
        self.scale = scale
        let made = counts.values.reduce(0, +)
        notes = [
            "generated: \(made) made-up examples in the form of \(benchmark.title), which has \(total), for "
                + "\(benchmark.clients) clients"
        ]
        self.benchmark = benchmark
    }

    /// Makes all splits.
    ///
    /// - Throws: `DatasetError` when the declaration does not hold together.
    public func contents() throws(DatasetError) -> BenchmarkContents {
        var datasets: [String: MultimodalDataset] = [:]
        var groups: [String]?
        for (number, split) in (["train"] + benchmark.heldOutSplits).enumerated() {
            let count = counts[split] ?? 0
            var labels: [Int]
            var owners: [Int]?
            if split == "train", let clientSizes {
                (labels, owners) = naturalLabels(clientSizes)
                let names = Partition.numbered(clientSizes.count)
                groups = owners?.map { names[$0] }
            } else {
                labels = Apportionment.sizes(weights: priors, total: count, minimum: 1).enumerated().flatMap {
                    Array(repeating: $0, count: $1)
                }
                var stream = RandomStream(seed: seed, purpose: purpose("labels"), round: UInt32(number))
                stream.shuffle(&labels)
            }
            datasets[split] = try dataset(labels, owners: owners, split: UInt32(number))
        }
        return try BenchmarkContents(benchmark, datasets, groups: groups, notes: notes)
    }

    // MARK: Labels

    private var priors: [Double] {
        benchmark.counts.classes ?? Array(repeating: 1, count: benchmark.classes.count)
    }

    /// Sizes that fall by rank from the upper to the lower bound along a power of it, with the given mean.
    static func sizes(count: Int, range: ClosedRange<Int>, mean: Double) -> [Double] {
        func law(_ exponent: Double) -> [Double] {
            (0..<count).map { rank in
                let position = count > 1 ? Double(count - 1 - rank) / Double(count - 1) : 1
                return Double(range.lowerBound) + Double(range.upperBound - range.lowerBound) * pow(position, exponent)
            }
        }
        // The mean falls as the exponent grows.
        var (low, high) = (0.0, 200.0)
        for _ in 0..<60 {
            let middle = (low + high) / 2
            let found = law(middle).reduce(0, +) / Double(count)
            if found > mean { low = middle } else { high = middle }
        }
        return law(high)
    }

    /// Labels client after client, each with a mixture of its own around the frequencies of the classes.
    private func naturalLabels(_ sizes: [Int]) -> (labels: [Int], owners: [Int]) {
        let total = priors.reduce(0, +)
        var labels: [Int] = []
        var owners: [Int] = []
        for (client, size) in sizes.enumerated() {
            var stream = RandomStream(seed: seed, purpose: purpose("client"), client: UInt32(client))
            let logarithms = priors.map { stream.logGamma(shape: 8 * $0 / total) }
            let largest = logarithms.reduce(-Double.infinity, max)
            let weights = logarithms.map { exp($0 - largest) }
            let sum = weights.reduce(0, +)
            for _ in 0..<size {
                var rest = stream.uniform() * sum
                var label = 0
                while label < weights.count - 1, rest >= weights[label] {
                    rest -= weights[label]
                    label += 1
                }
                labels.append(label)
                owners.append(client)
            }
        }
        return (labels, owners)
    }

    // MARK: Values

    private func dataset(
        _ labels: [Int], owners: [Int]?, split: UInt32
    ) throws(DatasetError) -> MultimodalDataset {
        let members = self.members(labels, split: split)
        var values: [[Float]] = []
        var lengths: [[Int]?] = []
        for (number, modality) in benchmark.modalities.enumerated() {
            let templates = labels.isEmpty ? [] : self.templates(modality, number: UInt32(number))
            let offsets = self.offsets(owners, modality, number: UInt32(number))
            var block = [Float](repeating: 0, count: labels.count * modality.elements)
            var valid: [Int] = []
            let (steps, features) = Self.axes(of: modality)
            block.withUnsafeMutableBufferPointer { buffer in
                for (row, members) in members.enumerated() {
                    var stream = RandomStream(
                        seed: seed, purpose: purpose("example"), round: split, client: UInt32(row),
                        layer: UInt32(number))
                    let least = max(1, steps / 2)
                    let length = modality.hasLengths ? least + stream.below(steps - least + 1) : steps
                    let start = stream.below(Template.period)
                    valid.append(length)
                    let own = UnsafeMutableBufferPointer(
                        rebasing: buffer[row * modality.elements..<row * modality.elements + length * features])
                    // Uniform noise of deviation 1.
                    stream.fillUniform(own, low: -1.732_050_8, high: 1.732_050_8)
                    for label in members { templates[label].add(to: own, start: start, features: features) }
                    guard let owner = owners?[row] else { continue }
                    for index in own.indices { own[index] += offsets[owner * features + index % features] }
                }
            }
            values.append(block)
            lengths.append(modality.hasLengths ? valid : nil)
        }
        return try MultimodalDataset(
            name: SitePartition.Source.generatedPrefix + benchmark.name, classes: benchmark.classes,
            modalities: benchmark.modalities, values: values, labels: members.map { $0.first ?? 0 },
            lengths: lengths, targets: benchmark.isMultilabel ? targets(members) : nil)
    }

    /// The classes of each example in ascending order: its label, and where several are possible what is drawn beside it.
    private func members(_ labels: [Int], split: UInt32) -> [[Int]] {
        guard benchmark.isMultilabel else { return labels.map { [$0] } }
        return labels.enumerated().map { row, label in
            var stream = RandomStream(seed: seed, purpose: purpose("classes"), round: split, client: UInt32(row))
            let draw = stream.uniform()
            guard draw >= 0.05 else { return [] }
            let other = stream.below(benchmark.classes.count)
            return draw < 0.3 && other != label ? [label, other].sorted() : [label]
        }
    }

    private func targets(_ members: [[Int]]) -> [Float] {
        members.flatMap { own in benchmark.classes.indices.map { own.contains($0) ? 1 : 0 } }
    }

    /// What a class adds to an example, `[period, features]`.
    private struct Template {
        /// Steps after which an oscillation is where it was.
        static let period = 256

        var values: [Float]

        func add(to buffer: UnsafeMutableBufferPointer<Float>, start: Int, features: Int) {
            values.withUnsafeBufferPointer { values in
                let steps = values.count / features
                for step in 0..<buffer.count / features {
                    let from = (start + step) % steps * features
                    for feature in 0..<features { buffer[step * features + feature] += values[from + feature] }
                }
            }
        }
    }

    private func templates(_ modality: Modality, number: UInt32) -> [Template] {
        let (_, features) = Self.axes(of: modality)
        let classes = benchmark.classes.count
        return (0..<classes).map { label in
            var stream = RandomStream(seed: 1, purpose: purpose("class"), client: UInt32(label), layer: number)
            if modality.isImage { return Template(values: Self.picture(modality.shape, &stream)) }
            let direction = (0..<features).map { _ in stream.normal() }
            guard features <= 128 else { return Template(values: direction.map { Float(0.15 * $0) }) }
            let phases = (0..<features).map { _ in 2 * Double.pi * stream.uniform() }
            // Between 4 and 60 turns a period, one frequency a class: steps of 0.02 to 0.23 turns.
            let turns = 4 + 56 * label / max(1, classes - 1)
            var values = [Float](repeating: 0, count: Template.period * features)
            for step in 0..<Template.period {
                let angle = 2 * Double.pi * Double(turns * step % Template.period) / Double(Template.period)
                for feature in 0..<features {
                    let amplitude = 0.5 + 0.5 * abs(direction[feature])
                    values[step * features + feature] = Float(amplitude * cos(angle + phases[feature]))
                }
            }
            return Template(values: values)
        }
    }

    /// What each natural client adds, `[clients, features]`.
    private func offsets(_ owners: [Int]?, _ modality: Modality, number: UInt32) -> [Float] {
        guard let clients = owners?.max() else { return [] }
        return (0...clients).flatMap { client in
            var stream = RandomStream(
                seed: seed, purpose: purpose("offset"), client: UInt32(client), layer: number)
            return (0..<Self.axes(of: modality).features).map { _ in Float(0.1 * stream.normal()) }
        }
    }

    private func purpose(_ what: String) -> String { "synthetic-\(benchmark.name)-\(what)" }
}
