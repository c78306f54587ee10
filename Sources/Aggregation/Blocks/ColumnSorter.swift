internal import CKernels

/// Makes one number of each column of the updates' rows: the work of the rules that look at every coordinate by itself.
///
/// Used from one thread.
final class ColumnSorter {
    /// The updates whose rows are sorted, by their place in the fixed order.
    let members: [Int]
    /// What each is multiplied by.
    let scales: [Double]

    private let network: SortingNetwork
    private let kind: ck_column_kind
    private let from: Int
    private let to: Int
    private let scratch: BlockMemory

    /// The sorter of a combination; nil for one that does not sort.
    init?(_ combined: CombinedUpdates) {
        switch combined.combination {
        case .linear, .signs: return nil
        case .middle(let dropped):
            members = combined.members
            kind = ck_middle
            (from, to) = (dropped, members.count - dropped)
            network = SortingNetwork(count: members.count, wanted: from..<to)
        case .nearestToMedian(let chosen, let kept):
            members = chosen
            kind = ck_nearest
            (from, to) = (0, kept)
            network = SortingNetwork(count: members.count, wanted: 0..<members.count)
        }
        scales = members.map { combined.scales[$0] }
        scratch = BlockMemory(bytes: Int(CK_LANES) * members.count * 4)
    }

    /// Combines the first `count` columns.
    func combine(
        _ rows: UnsafeMutableBufferPointer<UnsafePointer<Float>?>, count: Int,
        into target: UnsafeMutableBufferPointer<Double>
    ) {
        guard let first = rows.baseAddress, let result = target.baseAddress,
            let scratch = scratch.buffer(of: Float.self, count: Int(CK_LANES) * members.count).baseAddress
        else { return }
        ck_columns_f32(
            first, members.count, count, network.pairs, network.pairs.count / 2, kind, from, to, scratch, result)
    }
}
