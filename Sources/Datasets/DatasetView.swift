/// Some rows of a data set, by index, in an order of the caller's choosing.
///
/// Sharing the data set's storage, a view costs one integer an example. Rows are copied out by `gather`.
public struct DatasetView: Sendable {
    /// The data set that the rows belong to.
    public let dataset: MultimodalDataset
    /// Rows of `dataset`, each in `0 ..< dataset.count`.
    public let indices: [Int]

    /// Makes a view. Indices must lie inside the data set.
    public init(_ dataset: MultimodalDataset, indices: [Int]) {
        precondition(
            indices.allSatisfy { (0..<dataset.count).contains($0) }, "a view's rows must exist in its data set")
        self.dataset = dataset
        self.indices = indices
    }

    /// The number of rows.
    public var count: Int { indices.count }

    /// The labels of the rows.
    public var labels: [Int] { indices.map { dataset.labels[$0] } }

    /// The subjects of the rows, if known.
    public var subjects: [Int]? { dataset.subjects.map { all in indices.map { all[$0] } } }

    /// The values of modality `modality` for the rows: one contiguous block `[count, shape…]`.
    public func gather(modality: Int) -> [Float] {
        let elements = dataset.modalities[modality].elements
        return [Float](unsafeUninitializedCapacity: count * elements) { target, used in
            dataset.values[modality].withUnsafeBufferPointer { source in
                guard let from = source.baseAddress, let into = target.baseAddress else { return }
                for (row, index) in indices.enumerated() {
                    (into + row * elements).initialize(from: from + index * elements, count: elements)
                }
            }
            used = count * elements
        }
    }

    /// The lengths of modality `modality` for the rows, if it has any.
    public func lengths(modality: Int) -> [Int]? {
        dataset.lengths[modality].map { all in indices.map { all[$0] } }
    }

    /// The rows at the given positions of this view.
    public func selecting(_ positions: some Sequence<Int>) -> DatasetView {
        DatasetView(dataset, indices: positions.map { indices[$0] })
    }

    /// The rows copied into a data set of their own.
    public func materialised() throws(DatasetError) -> MultimodalDataset {
        try MultimodalDataset(
            name: dataset.name,
            classes: dataset.classes,
            modalities: dataset.modalities,
            values: dataset.modalities.indices.map { gather(modality: $0) },
            labels: labels,
            subjects: subjects,
            lengths: dataset.modalities.indices.map { lengths(modality: $0) }
        )
    }
}
