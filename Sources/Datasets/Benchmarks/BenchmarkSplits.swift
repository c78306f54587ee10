/// A benchmark's data as read or generated: training rows with who they came from, and what is held out.
public struct BenchmarkSplits: Sendable {
    /// The training rows.
    public var train: MultimodalDataset
    /// The client that every training row belongs to by nature; nil where the benchmark deals rows by a Dirichlet draw.
    public var groups: [String]?
    /// The benchmark's own list of the people in `groups`, in its order; it may name people without training rows. Nil
    /// where that is the order of their names and everybody has rows.
    public var roll: [String]?
    /// The splits that are held out and come with the data, by name: `test`, and `dev` where the publisher gives one.
    public var heldOut: [String: MultimodalDataset]

    /// Gathers the parts; a modality that is longer in one split than in another gets the longest's length in all
    /// (``MultimodalDataset/aligned(_:)``).
    ///
    /// - Throws: `DatasetError` with code `mismatch` when there is not one group a training row, or the roll lacks one.
    public init(
        train: MultimodalDataset, groups: [String]? = nil, roll: [String]? = nil,
        heldOut: [String: MultimodalDataset]
    ) throws(DatasetError) {
        if let groups, groups.count != train.count {
            throw DatasetError(
                .mismatch, "data set '\(train.name)': \(groups.count) groups for \(train.count) training examples")
        }
        if let roll, let stray = Set(groups ?? []).subtracting(roll).min() {
            throw DatasetError(
                .mismatch, "data set '\(train.name)': '\(stray)' is not among the \(roll.count) of the benchmark's list"
            )
        }
        let splits = heldOut.sorted { $0.key < $1.key }
        let aligned = try MultimodalDataset.aligned([train] + splits.map(\.value))
        self.train = aligned[0]
        self.groups = groups
        self.roll = roll
        self.heldOut = Dictionary(uniqueKeysWithValues: zip(splits.map(\.key), aligned.dropFirst()))
    }
}
