/// Labelled examples of several modalities, held in memory.
///
/// Every modality is one contiguous row-major block `[count, shape…]` of Float32. A data set is an immutable value:
/// copies share storage, and any number of threads may read one. Subsets without copying are `DatasetView`s.
public struct MultimodalDataset: Sendable {
    /// The name that jobs ask for, e.g. `uci-har`.
    public let name: String
    /// One name a class; labels index into it.
    public let classes: [String]
    /// The inputs, in the order a model takes them.
    public let modalities: [Modality]
    /// The values of each modality, in the order of `modalities`: `count · elements` floats each.
    public let values: [[Float]]
    /// The class of each example, `0 ..< classes.count`.
    public let labels: [Int]
    /// Who each example was recorded from, if known.
    public let subjects: [Int]?
    /// Valid steps on the first axis of each example, for the modalities that carry lengths.
    public let lengths: [[Int]?]

    /// The number of examples.
    public var count: Int { labels.count }

    /// Makes a data set and checks that all parts fit together.
    ///
    /// - Throws: `DatasetError` with code `mismatch` when a count disagrees, `malformed` for a label outside the classes,
    ///   a length outside its modality or a broken modality.
    public init(
        name: String,
        classes: [String],
        modalities: [Modality],
        values: [[Float]],
        labels: [Int],
        subjects: [Int]? = nil,
        lengths: [[Int]?]? = nil
    ) throws(DatasetError) {
        let lengths = lengths ?? Array(repeating: nil, count: modalities.count)
        guard values.count == modalities.count, lengths.count == modalities.count else {
            throw DatasetError(
                .mismatch,
                "data set '\(name)': \(modalities.count) modalities, \(values.count) blocks of values and \(lengths.count) of lengths"
            )
        }
        guard Set(modalities.map(\.name)).count == modalities.count else {
            throw DatasetError(.malformed, "data set '\(name)': two modalities have the same name")
        }
        for (index, modality) in modalities.enumerated() {
            try modality.validate(in: "data set '\(name)'")
            guard values[index].count == labels.count * modality.elements else {
                throw DatasetError(
                    .mismatch,
                    "data set '\(name)': modality '\(modality.name)' holds \(values[index].count) values, expected "
                        + "\(labels.count) examples of \(modality.elements)"
                )
            }
            guard modality.hasLengths == (lengths[index] != nil) else {
                throw DatasetError(
                    .mismatch,
                    "data set '\(name)': modality '\(modality.name)' "
                        + (modality.hasLengths
                            ? "declares lengths and has none" : "has lengths and does not declare them")
                )
            }
            if let own = lengths[index] {
                guard own.count == labels.count else {
                    throw DatasetError(
                        .mismatch,
                        "data set '\(name)': modality '\(modality.name)' has \(own.count) lengths for \(labels.count) examples"
                    )
                }
                if let row = own.firstIndex(where: { !(0...modality.shape[0]).contains($0) }) {
                    throw DatasetError(
                        .malformed,
                        "data set '\(name)': '\(modality.name).lengths' row \(row) is \(own[row]), expected 0...\(modality.shape[0])"
                    )
                }
            }
        }
        if let row = labels.firstIndex(where: { !classes.indices.contains($0) }) {
            throw DatasetError(
                .malformed,
                "data set '\(name)': labels row \(row) is \(labels[row]), expected 0..<\(classes.count)"
            )
        }
        if let subjects, subjects.count != labels.count {
            throw DatasetError(
                .mismatch,
                "data set '\(name)': \(subjects.count) subjects for \(labels.count) examples"
            )
        }
        self.name = name
        self.classes = classes
        self.modalities = modalities
        self.values = values
        self.labels = labels
        self.subjects = subjects
        self.lengths = lengths
    }

    /// All examples as a view.
    public var all: DatasetView { DatasetView(self, indices: Array(0..<count)) }

    /// The same examples with other labels.
    ///
    /// - Throws: `DatasetError` when the count or a class does not fit.
    public func replacingLabels(_ labels: [Int]) throws(DatasetError) -> MultimodalDataset {
        try MultimodalDataset(
            name: name, classes: classes, modalities: modalities, values: values, labels: labels, subjects: subjects,
            lengths: lengths)
    }
}
