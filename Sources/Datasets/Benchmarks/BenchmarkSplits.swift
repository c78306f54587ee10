/// A benchmark's data as read or generated: training rows with who they came from, and what is held out.
public struct BenchmarkSplits: Sendable {
    /// The training rows.
    public var train: MultimodalDataset
    /// The client that every training row belongs to by nature; nil where the benchmark deals rows by a Dirichlet draw.
    public var groups: [String]?
    /// The splits that are held out and come with the data, by name: `test`, and `dev` where the publisher gives one.
    public var heldOut: [String: MultimodalDataset]

    /// Gathers the parts.
    ///
    /// - Throws: `DatasetError` with code `mismatch` when there is not one group a training row.
    public init(
        train: MultimodalDataset, groups: [String]? = nil, heldOut: [String: MultimodalDataset]
    ) throws(DatasetError) {
        if let groups, groups.count != train.count {
            throw DatasetError(
                .mismatch, "data set '\(train.name)': \(groups.count) groups for \(train.count) training examples")
        }
        self.train = train
        self.groups = groups
        self.heldOut = heldOut
    }
}
