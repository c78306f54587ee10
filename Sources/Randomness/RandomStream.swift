/// A reproducible stream of random numbers for one purpose.
///
/// The words of the stream are the Philox4x32-10 blocks of the counter `(position, round, client, layer)`, position
/// counting blocks from 0, under the key ``key(seed:purpose:)``. Streams that differ in any of seed, purpose, round,
/// client or layer are independent, so no draw depends on the order in which clients or workers run.
///
/// Every derived draw (bounded integers, permutations, normals) is defined here and not by the standard library, whose
/// algorithms may change between releases. A stream holds 2³² blocks (2³⁴ 32-bit words); drawing more is a programmer
/// error and traps.
///
/// The value is a plain struct: a copy continues independently from the same position.
public struct RandomStream: RandomNumberGenerator, Sendable {
    @usableFromInline let generator: Philox4x32
    @usableFromInline let round: UInt32
    @usableFromInline let client: UInt32
    @usableFromInline let layer: UInt32

    /// Number of the next block to generate; 2³² when the stream is used up.
    @usableFromInline var nextBlock: UInt64 = 0
    @usableFromInline var words = Philox4x32.Block()
    /// How many words of `words` have been handed out; 4 means that a new block is needed.
    @usableFromInline var used = 4
    /// The second value of the last Box-Muller pair.
    @usableFromInline var spareNormal: Double?

    /// The stream for one purpose of one job.
    ///
    /// - Parameters:
    ///   - seed: the job's seed.
    ///   - purpose: what the numbers are for, for example `"dropout"`; compared by its UTF-8 bytes.
    ///   - round: the round, 0 where it has no meaning.
    ///   - client: a number of the client that does not depend on who else takes part, 0 where it has no meaning.
    ///   - layer: a number of the layer or tensor, 0 where it has no meaning.
    public init(seed: UInt64, purpose: String, round: UInt32 = 0, client: UInt32 = 0, layer: UInt32 = 0) {
        generator = Philox4x32(key: Self.key(seed: seed, purpose: purpose))
        self.round = round
        self.client = client
        self.layer = layer
    }

    /// The 64-bit Philox key of (seed, purpose): `mix(mix(seed + γ) xor FNV1a64(purpose))`, where `mix` is the
    /// finaliser of SplitMix64, γ = 0x9E3779B97F4A7C15 and FNV-1a runs over the purpose's UTF-8 bytes.
    ///
    /// For one purpose it is a bijection of the seed. It is fixed for ever: changing it changes every result.
    public static func key(seed: UInt64, purpose: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in purpose.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
        }
        return mix(mix(seed &+ 0x9E37_79B9_7F4A_7C15) ^ hash)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value &>> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value &>> 31)
    }

    /// The next whole block; words left over from the previous one are dropped.
    @inlinable
    mutating func takeBlock() -> Philox4x32.Block {
        precondition(nextBlock <= UInt64(UInt32.max), "a random stream holds 2^32 blocks and all of them are used")
        let block = generator.block(.init(UInt32(truncatingIfNeeded: nextBlock), round, client, layer))
        nextBlock &+= 1
        return block
    }

    /// The next 32 random bits: the words of the blocks in order.
    @inlinable
    public mutating func nextUInt32() -> UInt32 {
        if used == 4 {
            words = takeBlock()
            used = 0
        }
        let word = words[used]
        used &+= 1
        return word
    }

    /// The next 64 random bits: two consecutive words, the low one first.
    @inlinable
    public mutating func next() -> UInt64 {
        let low = nextUInt32()
        let high = nextUInt32()
        return UInt64(high) &<< 32 | UInt64(low)
    }

    /// Moves the stream to the start of a block.
    ///
    /// - Parameter block: the number of the block, counted from the start of the stream. Every draw afterwards is the
    ///   one a new stream would make after exactly `block` whole blocks.
    public mutating func seek(toBlock block: UInt32) {
        nextBlock = UInt64(block)
        used = 4
        spareNormal = nil
    }
}
