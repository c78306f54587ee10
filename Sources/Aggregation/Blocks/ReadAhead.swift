import Weights

/// Asks for the bytes after those being read when they come slowly, from a disk and not from memory.
///
/// It changes when bytes come and never which: nothing of a result depends on the time taken.
struct ReadAhead {
    /// How far ahead, in bytes.
    private static let window = 4 << 20
    /// Reads slower than this many bytes a second come from a disk.
    private static let slow = 2e9

    private var isSlow = false
    /// Up to which byte of which tensor of each source was asked.
    private var asked: [Int: (tensor: Int, end: Int)] = [:]

    /// Times a read of some bytes of a tensor, and asks for more of a source that is slow.
    mutating func read(
        _ source: any TensorBlocks, tensor: Int, at offset: Int, count: Int, key: Int, _ body: () throws -> Void
    ) rethrows {
        if isSlow {
            let last = asked[key]
            let end = last?.tensor == tensor ? last?.end ?? 0 : 0
            if offset + count + Self.window / 2 > end {
                let from = max(end, offset + count)
                source.prefetch(tensor: tensor, byteOffset: from, count: Self.window)
                asked[key] = (tensor, from + Self.window)
            }
        }
        guard count >= 16 << 10 else { return try body() }
        let start = ContinuousClock.now
        try body()
        isSlow = Double(count) / max((ContinuousClock.now - start) / .seconds(1), 1e-9) < Self.slow
    }
}
