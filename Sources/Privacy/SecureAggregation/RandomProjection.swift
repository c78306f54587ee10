/// Random sums of a vector of words, few enough to hide it and enough to tell how long it is: q_j = Σ r_ij w_i modulo 2³², where
/// every r_ij is −1, 0 or 1 with the probabilities ¼, ½ and ¼.
///
/// After D. Achlioptas, "Database-friendly random projections", JCSS 2003, which has ±1 and a sparser choice: (2 / k) Σ q_j² has the mean
/// ‖w‖². The zeros are there for the arithmetic and not for speed: ±1 are all odd, so words
/// of 2³¹ in two places would add up to nothing under any signs. With zeros a word that is far from 0 modulo 2³² moves each sum
/// with the probability ½, whatever the other words are.
///
/// The coefficients come from ChaCha20 as they are needed; nothing of their size is kept.
public struct RandomProjection: Sendable, Hashable {
    /// The bytes of a seed.
    public static let seedBytes = 32
    /// The number of sums is a multiple of this: one word of the key stream has a bit for each of so many.
    public static let group = 32
    /// The most sums.
    public static let maximumCount = 128

    /// How many sums there are: k.
    public let count: Int
    private let key: [UInt8]

    /// Elements of each row that are made at once.
    private static let chunk = 1024
    /// Blocks of 16 elements whose coefficients are spread out at once.
    private static let tile = 16

    /// Sums under coefficients of a key.
    ///
    /// - Parameters:
    ///   - key: 32 bytes. Whoever chooses the vector must not know it before.
    ///   - count: a multiple of ``group``, at most ``maximumCount``.
    init(key: [UInt8], count: Int) {
        precondition(
            count > 0 && count % Self.group == 0 && count <= Self.maximumCount, "the sums come in groups of 32")
        self.key = key
        self.count = count
    }

    /// The sums of vectors that are made piece by piece.
    ///
    /// - Parameters:
    ///   - rows: how many vectors.
    ///   - sizes: the elements of each tensor.
    ///   - fill: writes the elements from `start` of a tensor of one vector; it finds zeros. `start` is a multiple of 16.
    /// - Returns: ``count`` sums for each vector.
    public func sums(
        rows: Int, sizes: [Int],
        fill: (_ row: Int, _ tensor: Int, _ start: Int, UnsafeMutableBufferPointer<UInt32>) throws -> Void
    ) rethrows -> [[UInt32]] {
        var sums = [UInt32](repeating: 0, count: rows * count)
        let words = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: rows * Self.chunk)
        defer { words.deallocate() }
        let cipher = ChaCha20(key: key)
        for (tensor, size) in sizes.enumerated() {
            for start in stride(from: 0, to: size, by: Self.chunk) {
                let length = min(Self.chunk, size - start)
                // What lies behind the end of a tensor is 0 and adds nothing.
                words.initialize(repeating: 0)
                for row in 0..<rows {
                    let first = row * Self.chunk
                    try fill(row, tensor, start, UnsafeMutableBufferPointer(rebasing: words[first..<first + length]))
                }
                sums.withUnsafeMutableBufferPointer {
                    add(UnsafeBufferPointer(words), rows: rows, length: length, tensor, start, cipher, to: $0)
                }
            }
        }
        return (0..<rows).map { Array(sums[$0 * count..<($0 + 1) * count]) }
    }

    /// The sums of masks as they are, whether they are added or taken away.
    public func sums(of masks: [PairwiseMask], sizes: [Int]) -> [[UInt32]] {
        let streams = masks.map { $0.isAdded ? $0 : $0.reversed }
        return sums(rows: masks.count, sizes: sizes) { row, tensor, start, words in
            streams[row].apply(tensor: tensor, start: start, to: words)
        }
    }

    /// Element e of a tensor has lane e mod 16 of four key stream blocks or more: for the sums of group g the blocks under the nonces
    /// (tensor, high half of ⌊e / 16⌋, 2g) and (…, 2g + 1), with the counter ⌊e / 16⌋. Bit j of the first says +1 and bit j of the second
    /// −1 for sum 32g + j; both together are 0.
    private func add(
        _ words: UnsafeBufferPointer<UInt32>, rows: Int, length: Int, _ tensor: Int, _ start: Int, _ cipher: ChaCha20,
        to sums: UnsafeMutableBufferPointer<UInt32>
    ) {
        guard let base = UnsafeRawPointer(words.baseAddress) else { return }
        let tile = Self.tile
        withUnsafeTemporaryAllocation(of: ChaCha20.Block.self, capacity: 4 * tile) { scratch in
            for first in stride(from: 0, to: length, by: tile * 16) {
                let blocks = (min(tile * 16, length - first) + 15) / 16
                for group in 0..<count / Self.group {
                    for block in 0..<blocks {
                        let number = (start + first) / 16 + block
                        let (plus, minus) = (
                            stream(cipher, tensor, number, 2 * group), stream(cipher, tensor, number, 2 * group + 1)
                        )
                        scratch.initializeElement(at: block, to: plus & ~minus)
                        scratch.initializeElement(at: tile + block, to: minus & ~plus)
                    }
                    for bit in 0..<Self.group {
                        for block in 0..<blocks {
                            scratch.initializeElement(at: 2 * tile + block, to: Self.spread(scratch[block], bit))
                            scratch.initializeElement(
                                at: 3 * tile + block, to: Self.spread(scratch[tile + block], bit))
                        }
                        for row in 0..<rows {
                            var total = ChaCha20.Block()
                            let place = base + (row * Self.chunk + first) * 4
                            for block in 0..<blocks {
                                let part = (place + block * 64).loadUnaligned(as: ChaCha20.Block.self)
                                total &+= part & scratch[2 * tile + block]
                                total &-= part & scratch[3 * tile + block]
                            }
                            sums[row * count + group * Self.group + bit] &+= total.wrappedSum()
                        }
                    }
                }
            }
        }
    }

    @inline(__always)
    private func stream(_ cipher: ChaCha20, _ tensor: Int, _ number: Int, _ part: Int) -> ChaCha20.Block {
        cipher.block(
            counter: UInt32(truncatingIfNeeded: number),
            nonce: SIMD3(
                UInt32(truncatingIfNeeded: tensor), UInt32(truncatingIfNeeded: number >> 32), UInt32(part)))
    }

    /// All bits of a lane as one of its bits.
    @inline(__always)
    private static func spread(_ words: ChaCha20.Block, _ bit: Int) -> ChaCha20.Block {
        ChaCha20.Block() &- ((words &>> UInt32(bit)) & 1)
    }
}
