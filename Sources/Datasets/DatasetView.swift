/// Some rows of a data set, by index, in an order of the caller's choosing.
///
/// Sharing the data set's storage, a view costs one integer an example. Rows are copied out by `gather`.
public struct DatasetView: Sendable {
    /// The data set that the rows belong to.
    public let dataset: MultimodalDataset
    /// Rows of `dataset`, each in `0 ..< dataset.count`.
    public let indices: [Int]
    /// What was done to the rows, if anything: see `CorruptedData`.
    public let corruption: ClientCorruption?
    /// The sample of `corruption` that each row is; empty without.
    private let samples: [Int]

    /// Makes a view. Indices must lie inside the data set.
    public init(_ dataset: MultimodalDataset, indices: [Int]) {
        precondition(
            indices.allSatisfy { (0..<dataset.count).contains($0) }, "a view's rows must exist in its data set")
        self.dataset = dataset
        self.indices = indices
        corruption = nil
        samples = []
    }

    /// The rows at the given positions of `source`, corrupted. Position p of `source` is sample p of `corruption`.
    init(_ source: DatasetView, corruption: ClientCorruption, positions: [Int]) {
        dataset = source.dataset
        indices = positions.map { source.indices[$0] }
        self.corruption = corruption
        samples = positions
    }

    private init(_ view: DatasetView, positions: [Int]) {
        dataset = view.dataset
        indices = positions.map { view.indices[$0] }
        corruption = view.corruption
        samples = view.corruption == nil ? [] : positions.map { view.samples[$0] }
    }

    /// The number of rows.
    public var count: Int { indices.count }

    /// The labels of the rows, after errors.
    public var labels: [Int] {
        if let corruption { return samples.map { corruption.labels[$0] } }
        return cleanLabels
    }

    /// The labels that the data set has for the rows, whatever errors corruption made: what an oracle knows.
    public var cleanLabels: [Int] { indices.map { dataset.labels[$0] } }

    /// The targets of the rows, `[count, classes]`, where an example may have any number of classes.
    public var targets: [Float]? {
        dataset.targets.map { all in
            let classes = dataset.classes.count
            return indices.flatMap { all[$0 * classes..<($0 + 1) * classes] }
        }
    }

    /// How many rows have each class.
    public var classCounts: [Int] {
        let classes = dataset.classes.count
        var counts = Array(repeating: 0, count: classes)
        if let targets {
            for (index, target) in targets.enumerated() where target == 1 { counts[index % classes] += 1 }
        } else {
            for label in labels { counts[label] += 1 }
        }
        return counts
    }

    /// The subjects of the rows, if known.
    public var subjects: [Int]? { dataset.subjects.map { all in indices.map { all[$0] } } }

    /// The values of modality `modality` for the rows: one contiguous block `[count, shape…]`, zeros where it is missing.
    public func gather(modality: Int) -> [Float] {
        let elements = dataset.modalities[modality].elements
        let absent = absence(modality: modality)
        return [Float](unsafeUninitializedCapacity: count * elements) { target, used in
            dataset.values[modality].withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let into = target.baseAddress else { return }
                for (row, index) in indices.enumerated() {
                    if let absent, absent[row] {
                        (into + row * elements).initialize(repeating: 0, count: elements)
                    } else {
                        (into + row * elements).initialize(from: from + index * elements, count: elements)
                    }
                }
            }
            used = count * elements
        }
    }

    /// The lengths of modality `modality` for the rows, if it has any; 0 where the modality is missing, in which case
    /// rows without a length of their own have the modality's full one.
    public func lengths(modality: Int) -> [Int]? {
        let own = dataset.lengths[modality].map { all in indices.map { all[$0] } }
        guard let absent = absence(modality: modality) else { return own }
        let full = dataset.modalities[modality].shape[0]
        return absent.indices.map { absent[$0] ? 0 : own?[$0] ?? full }
    }

    /// Whether each row lacks the modality; nil when no sample of the client does.
    private func absence(modality: Int) -> [Bool]? {
        guard let corruption, corruption.missingCounts[modality] > 0 else { return nil }
        return samples.map { corruption.isMissing(modality: modality, sample: $0) }
    }

    /// The rows at the given positions of this view.
    public func selecting(_ positions: some Sequence<Int>) -> DatasetView {
        DatasetView(self, positions: Array(positions))
    }

    /// The rows copied into a data set of their own, where a modality that some rows lack carries lengths.
    public func materialised() throws(DatasetError) -> MultimodalDataset {
        let lengths = dataset.modalities.indices.map { self.lengths(modality: $0) }
        return try MultimodalDataset(
            name: dataset.name,
            classes: dataset.classes,
            modalities: zip(dataset.modalities, lengths).map {
                Modality(name: $0.name, shape: $0.shape, hasLengths: $1 != nil)
            },
            values: dataset.modalities.indices.map { gather(modality: $0) },
            labels: labels,
            subjects: subjects,
            lengths: lengths,
            targets: targets
        )
    }
}
