/// One example of a benchmark as the publisher's lists name it, before its features are read.
public struct ListedRow: Sendable, Hashable {
    /// What names the example in lists and in files of features.
    public var key: String
    /// The class.
    public var label: Int
    /// Who the example is from, for benchmarks that are parted by people.
    public var group: String?
    /// The path of the recording or picture, where the folder holds it.
    public var file: String?
    /// The text that belongs to the example.
    public var text: String?

    /// Gathers the parts.
    public init(key: String, label: Int, group: String? = nil, file: String? = nil, text: String? = nil) {
        self.key = key
        self.label = label
        self.group = group
        self.file = file
        self.text = text
    }
}

/// A benchmark's splits as lists of rows.
public struct ListedSplits: Sendable {
    /// One name a class.
    public var classes: [String]
    /// The training rows, in the benchmark's order.
    public var train: [ListedRow]
    /// The rows held out, by the split's name.
    public var heldOut: [String: [ListedRow]]

    /// Gathers the parts and checks them.
    ///
    /// - Throws: `DatasetError` with code `malformed` for a label outside the classes or a key that occurs twice in a split.
    public init(classes: [String], train: [ListedRow], heldOut: [String: [ListedRow]]) throws(DatasetError) {
        self.classes = classes
        self.train = train
        self.heldOut = heldOut
        for (split, rows) in [("train", train)] + heldOut.sorted(by: { $0.key < $1.key }) {
            var seen: Set<String> = []
            for row in rows {
                guard classes.indices.contains(row.label) else {
                    throw DatasetError(
                        .malformed, "\(split): '\(row.key)' has label \(row.label), expected 0..<\(classes.count)")
                }
                guard seen.insert(row.key).inserted else {
                    throw DatasetError(.malformed, "\(split): '\(row.key)' occurs twice, expected every key once")
                }
            }
        }
    }

    /// The same with a fifth of the training rows as `dev`, by ``BenchmarkRules/trainDev(count:seed:)``: of each group's
    /// rows, or of all where rows have no group. Groups stay in the order in which they first appear.
    ///
    /// - Throws: `DatasetError` with code `exists` when there is a `dev`.
    public func holdingOutDev() throws(DatasetError) -> ListedSplits {
        guard heldOut["dev"] == nil else { throw DatasetError(.exists, "the data set has a split 'dev' already") }
        var order: [String?] = []
        var rows: [String?: [ListedRow]] = [:]
        for row in train {
            if rows[row.group] == nil { order.append(row.group) }
            rows[row.group, default: []].append(row)
        }
        var parts = (train: [ListedRow](), dev: [ListedRow]())
        for group in order {
            let own = rows[group] ?? []
            let drawn = BenchmarkRules.trainDev(count: own.count)
            parts.train += drawn.train.map { own[$0] }
            parts.dev += drawn.dev.map { own[$0] }
        }
        return try ListedSplits(
            classes: classes, train: parts.train, heldOut: heldOut.merging(["dev": parts.dev]) { $1 })
    }

    /// Adds the features.
    ///
    /// - Parameters:
    ///   - name: the data set's name.
    ///   - features: gives the inputs of the rows of a split, in the order of the rows.
    /// - Returns: the splits; training rows keep their groups when every one has a group.
    /// - Throws: `DatasetError` when an input does not fit; whatever `features` throws.
    public func joined(
        name: String, features: (_ split: String, _ rows: [ListedRow]) throws(DatasetError) -> [ModalityColumn]
    ) throws(DatasetError) -> BenchmarkSplits {
        func dataset(_ split: String, _ rows: [ListedRow]) throws(DatasetError) -> MultimodalDataset {
            let columns = try features(split, rows)
            let subjects = rows.compactMap { $0.group.flatMap { Int($0) } }
            return try MultimodalDataset(
                name: name, classes: classes, modalities: columns.map(\.modality), values: columns.map(\.values),
                labels: rows.map(\.label), subjects: subjects.count == rows.count && !rows.isEmpty ? subjects : nil,
                lengths: columns.map(\.lengths))
        }
        let groups = train.compactMap(\.group)
        var held: [String: MultimodalDataset] = [:]
        for (split, rows) in heldOut { held[split] = try dataset(split, rows) }
        return try BenchmarkSplits(
            train: try dataset("train", train), groups: groups.count == train.count ? groups : nil, heldOut: held)
    }
}
