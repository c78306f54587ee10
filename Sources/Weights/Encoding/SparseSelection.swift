/// Which elements of a tensor are kept: the `count` of largest magnitude, of equal ones the first.
///
/// A. F. Aji, K. Heafield, "Sparse communication for distributed gradient descent", EMNLP 2017; S. U. Stich,
/// J.-B. Cordonnier, M. Jaggi, "Sparsified SGD with memory", NeurIPS 2018; D. Alistarh et al., "The convergence of
/// sparsified gradient methods", NeurIPS 2018. Each tensor is cut for itself.
///
/// The magnitudes' patterns are counted by their upper 16 and then, within one of those classes, by their lower 15 bits.
/// So the smallest kept magnitude is found exactly, in two passes over the tensor and 384 KiB of memory, without sorting.
struct SparseSelection {
    /// The pattern of the smallest kept magnitude.
    let threshold: UInt32
    /// How many elements of just that magnitude are kept.
    let ties: Int

    /// Finds the elements.
    ///
    /// - Parameters:
    ///   - count: how many are kept, at least 1 and at most all.
    ///   - forEachBlock: hands all elements over, block by block; called twice.
    init(count: Int, _ forEachBlock: ((UnsafeBufferPointer<Float>) -> Void) throws -> Void) rethrows {
        var upper = [Int](repeating: 0, count: 1 << 16)
        try forEachBlock { block in
            for value in block { upper[Int(Self.magnitude(value) >> 15)] += 1 }
        }
        let (class16, above) = Self.last(upper, reaching: count)
        var lower = [Int](repeating: 0, count: 1 << 15)
        try forEachBlock { block in
            for value in block where Int(Self.magnitude(value) >> 15) == class16 {
                lower[Int(Self.magnitude(value) & 0x7FFF)] += 1
            }
        }
        let (class15, before) = Self.last(lower, reaching: count - above)
        threshold = UInt32(class16) << 15 | UInt32(class15)
        ties = count - above - before
    }

    /// A pass over the tensor from its start, which must be asked about every element in turn.
    struct Walk {
        private let threshold: UInt32
        private var ties: Int

        init(_ selection: SparseSelection) {
            threshold = selection.threshold
            ties = selection.ties
        }

        /// Whether the next element is kept.
        mutating func keeps(_ value: Float) -> Bool {
            let magnitude = SparseSelection.magnitude(value)
            if magnitude > threshold { return true }
            guard magnitude == threshold, ties > 0 else { return false }
            ties -= 1
            return true
        }
    }

    private static func magnitude(_ value: Float) -> UInt32 { value.bitPattern & 0x7FFF_FFFF }

    /// The class in which the sum from the top reaches `count`, and the sum of the classes above it.
    private static func last(_ counts: [Int], reaching count: Int) -> (position: Int, above: Int) {
        var above = 0
        for position in counts.indices.reversed() {
            if above + counts[position] >= count { return (position, above) }
            above += counts[position]
        }
        return (0, above)
    }
}
