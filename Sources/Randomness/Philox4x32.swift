/// The counter-based generator Philox4x32 with ten rounds.
///
/// A block of four 32-bit words is a pure function of a 128-bit counter and a 64-bit key, so any position of any
/// stream can be computed without computing what comes before it.
///
/// Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
/// It is not a cryptographic generator: draws that protect privacy must not come from here.
public struct Philox4x32: Sendable, Hashable {
    /// Four 32-bit words, a counter or a block of output.
    public typealias Block = SIMD4<UInt32>

    /// The key: low word first.
    public let key: SIMD2<UInt32>

    /// A generator with the given key, low word first.
    @inlinable
    public init(key: SIMD2<UInt32>) {
        self.key = key
    }

    /// A generator with the given key; the low 32 bits are key word 0.
    @inlinable
    public init(key: UInt64) {
        self.key = SIMD2(UInt32(truncatingIfNeeded: key), UInt32(truncatingIfNeeded: key >> 32))
    }

    /// The four output words for one counter value.
    @inlinable
    public func block(_ counter: Block) -> Block {
        // Plain scalars: the compiler keeps them in registers and pairs the two multiplications of a round.
        var (word0, word1, word2, word3) = (counter.x, counter.y, counter.z, counter.w)
        var (key0, key1) = (key.x, key.y)
        for _ in 0..<10 {
            let product0 = UInt64(word0) &* 0xD251_1F53
            let product1 = UInt64(word2) &* 0xCD9E_8D57
            word0 = UInt32(truncatingIfNeeded: product1 &>> 32) ^ word1 ^ key0
            word1 = UInt32(truncatingIfNeeded: product1)
            word2 = UInt32(truncatingIfNeeded: product0 &>> 32) ^ word3 ^ key1
            word3 = UInt32(truncatingIfNeeded: product0)
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return Block(word0, word1, word2, word3)
    }

    /// The blocks of four counters that differ in their first words only, in the order of `first`; several times faster
    /// than one by one.
    @inlinable
    @inline(__always)
    public func blocks(first: SIMD4<UInt32>, _ second: UInt32, _ third: UInt32, _ fourth: UInt32) -> FourBlocks {
        // Lane i of each word belongs to block i, so that one instruction serves all four blocks.
        var (word0, word1) = (first, SIMD4(repeating: second))
        var (word2, word3) = (SIMD4(repeating: third), SIMD4(repeating: fourth))
        var (key0, key1) = (key.x, key.y)
        for _ in 0..<10 {
            let product0 = SIMD4<UInt64>(truncatingIfNeeded: word0) &* SIMD4(repeating: 0xD251_1F53)
            let product1 = SIMD4<UInt64>(truncatingIfNeeded: word2) &* SIMD4(repeating: 0xCD9E_8D57)
            word0 = SIMD4(truncatingIfNeeded: product1 &>> 32) ^ word1 ^ SIMD4(repeating: key0)
            word1 = SIMD4(truncatingIfNeeded: product1)
            word2 = SIMD4(truncatingIfNeeded: product0 &>> 32) ^ word3 ^ SIMD4(repeating: key1)
            word3 = SIMD4(truncatingIfNeeded: product0)
            key0 &+= 0x9E37_79B9
            key1 &+= 0xBB67_AE85
        }
        return FourBlocks(words: (word0, word1, word2, word3))
    }

    /// Four blocks, word by word: element i of word w is word w of block i.
    @frozen
    public struct FourBlocks: Sendable {
        /// The four words.
        public let words: (Block, Block, Block, Block)

        /// Gathers the words.
        @inlinable
        public init(words: (Block, Block, Block, Block)) {
            self.words = words
        }
    }
}
