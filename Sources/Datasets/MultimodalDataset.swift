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
    /// The class of each example, `0 ..< classes.count`; with `targets` its first class, or 0 where it has none.
    public let labels: [Int]
    /// Where an example may have any number of classes: 1 for those it has and 0 for the others, row-major
    /// `[count, classes.count]`. Nil where every example has just one class.
    public let targets: [Float]?
    /// Who each example was recorded from, if known.
    public let subjects: [Int]?
    /// Valid steps on the first axis of each example, for the modalities that carry lengths.
    public let lengths: [[Int]?]

    /// The number of examples.
    public var count: Int { labels.count }

    /// Whether an example may have any number of classes.
    public var isMultilabel: Bool { targets != nil }

    /// Makes a data set and checks that all parts fit together.
    ///
    /// - Parameters:
    ///   - labels: may be left out where there are `targets`, which they follow from; given, they must agree.
    ///   - targets: `[count, classes.count]` of 0 and 1 where an example may have any number of classes.
    /// - Throws: `DatasetError` with code `mismatch` when a count disagrees, `malformed` for a label outside the classes,
    ///   a target that is not 0 or 1, a length outside its modality or a broken modality.
    public init(
        name: String,
        classes: [String],
        modalities: [Modality],
        values: [[Float]],
        labels: [Int]? = nil,
        subjects: [Int]? = nil,
        lengths: [[Int]?]? = nil,
        targets: [Float]? = nil
    ) throws(DatasetError) {
        let labels = try Self.labels(labels, targets, classes: classes.count, name: name)
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
        self.targets = targets
        self.subjects = subjects
        self.lengths = lengths
    }

    /// All examples as a view.
    public var all: DatasetView { DatasetView(self, indices: Array(0..<count)) }

    /// The same examples with other labels.
    ///
    /// - Throws: `DatasetError` when the count or a class does not fit; with code `invalidArgument` where an example may
    ///   have several.
    public func replacingLabels(_ labels: [Int]) throws(DatasetError) -> MultimodalDataset {
        guard !isMultilabel else {
            throw DatasetError(
                .invalidArgument,
                "data set '\(name)': an example may have several labels, expected one each to replace them")
        }
        return try MultimodalDataset(
            name: name, classes: classes, modalities: modalities, values: values, labels: labels, subjects: subjects,
            lengths: lengths)
    }

    /// The labels that are given or follow from the targets.
    private static func labels(
        _ given: [Int]?, _ targets: [Float]?, classes: Int, name: String
    ) throws(DatasetError) -> [Int] {
        guard let targets else {
            guard let given else {
                throw DatasetError(.invalidArgument, "data set '\(name)': expected labels or targets")
            }
            return given
        }
        let count = given?.count ?? (classes > 0 ? targets.count / classes : 0)
        guard classes > 0, targets.count == count * classes else {
            throw DatasetError(
                .mismatch,
                "data set '\(name)': \(targets.count) targets, expected \(count) examples of \(classes) classes")
        }
        if let wrong = targets.firstIndex(where: { $0 != 0 && $0 != 1 }) {
            throw DatasetError(
                .malformed,
                "data set '\(name)': targets row \(wrong / classes) holds \(targets[wrong]), expected 0 or 1")
        }
        let first = (0..<count).map { row in (0..<classes).first { targets[row * classes + $0] == 1 } ?? 0 }
        if let given, let row = first.indices.first(where: { first[$0] != given[$0] }) {
            throw DatasetError(
                .mismatch,
                "data set '\(name)': labels row \(row) is \(given[row]), expected \(first[row]), the first class of "
                    + "its targets")
        }
        return first
    }
}
