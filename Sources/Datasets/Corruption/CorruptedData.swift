/// A client's samples as corruption leaves them, without a copy of the data.
///
/// `view` is what training reads: it holds only samples that can be used, with their labels after errors. The values of
/// a missing modality are zeros, its length is 0 and `DatasetView.presence` is false. Where the corruption changes
/// nothing, `view` is the source itself, and training gives the same bits as without.
public struct CorruptedData: Sendable {
    /// The samples as they were.
    public let source: DatasetView
    /// What happens to them.
    public let corruption: ClientCorruption
    /// The positions in `source` of the samples that are left.
    public let positions: [Int]
    /// The samples that are left.
    public let view: DatasetView

    /// Pairs samples with what happens to them.
    ///
    /// - Parameters:
    ///   - source: samples that are not corrupted yet.
    ///   - corruption: made from the labels of `source`, in the same order.
    ///   - modalities: the modalities that a model takes: a sample without any of them is dropped; all when nil.
    /// - Throws: `DatasetError` with code `mismatch` when the two do not belong together, `invalidArgument` for wrong labels
    ///   where an example may have several: the noise is defined for one, and the benchmark has none there either.
    public init(
        _ source: DatasetView,
        _ corruption: ClientCorruption,
        modalities: [Int]? = nil
    ) throws(DatasetError) {
        let known = source.dataset.modalities
        guard corruption.count == source.count, corruption.modalityCount == known.count else {
            throw DatasetError(
                .mismatch,
                "data set '\(source.dataset.name)': the corruption is for \(corruption.count) samples of "
                    + "\(corruption.modalityCount) modalities, expected \(source.count) of \(known.count)")
        }
        guard source.corruption == nil else {
            throw DatasetError(.invalidArgument, "data set '\(source.dataset.name)': the samples are corrupted already")
        }
        guard !source.dataset.isMultilabel || corruption.rates.erroneousLabels == 0 else {
            throw DatasetError(
                .invalidArgument,
                "data set '\(source.dataset.name)': erroneous labels at the rate \(corruption.rates.erroneousLabels), "
                    + "expected 0 where an example may have several labels")
        }
        if let modalities, let wrong = modalities.first(where: { !known.indices.contains($0) }) {
            throw DatasetError(
                .invalidArgument,
                "data set '\(source.dataset.name)': found modality number \(wrong), expected 0..<\(known.count)")
        }
        self.source = source
        self.corruption = corruption
        if corruption.changesNothing {
            positions = Array(0..<source.count)
            view = source
        } else {
            positions = corruption.kept(modalities: modalities)
            view = DatasetView(source, corruption: corruption, positions: positions)
        }
    }

    /// Whether nothing is left.
    public var isEmpty: Bool { positions.isEmpty }

    /// What was taken away, for people: `nothing is left of 40 samples: 40 lack 'acc', 12 have no label`.
    public var summary: String {
        var parts: [String] = []
        for (modality, count) in zip(source.dataset.modalities, corruption.missingCounts) where count > 0 {
            parts.append("\(count) lack '\(modality.name)'")
        }
        let unlabelled = corruption.unlabelled.count { $0 }
        if unlabelled > 0 { parts.append("\(unlabelled) have no label") }
        if corruption.changedLabels > 0 { parts.append("\(corruption.changedLabels) have another label") }
        let head =
            isEmpty ? "nothing is left of \(source.count) samples" : "\(view.count) of \(source.count) samples are left"
        return parts.isEmpty ? head : "\(head): \(parts.joined(separator: ", "))"
    }
}
