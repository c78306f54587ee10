/// A mask: words of a key stream, one for each element of each tensor, added or taken away modulo 2³².
public struct PairwiseMask: Sendable {
    private let cipher: ChaCha20
    /// Whether the mask was added; it is taken away otherwise.
    public let isAdded: Bool

    /// A mask from its 32-byte key.
    public init(key: [UInt8], isAdded: Bool) {
        cipher = ChaCha20(key: key)
        self.isAdded = isAdded
    }

    /// The same mask the other way round, which removes it.
    public var reversed: PairwiseMask { PairwiseMask(cipher, isAdded: !isAdded) }

    private init(_ cipher: ChaCha20, isAdded: Bool) {
        self.cipher = cipher
        self.isAdded = isAdded
    }

    /// Applies the words of elements `start ..< start + words.count` of a tensor: element e has word e mod 16 of block
    /// ⌊e / 16⌋ under the nonce (tensor, high half of the block's number, 1).
    public func apply(tensor: Int, start: Int, to words: UnsafeMutableBufferPointer<UInt32>) {
        guard let base = words.baseAddress else { return }
        var index = 0
        while index < words.count {
            let element = start + index
            let block = block(tensor: tensor, number: element / 16)
            var lane = element % 16
            if lane == 0, words.count - index >= 16 {
                // Sixteen words at once, wherever they lie.
                let place = UnsafeMutableRawPointer(base + index)
                let before = place.loadUnaligned(as: ChaCha20.Block.self)
                place.storeBytes(of: isAdded ? before &+ block : before &- block, as: ChaCha20.Block.self)
                index += 16
                continue
            }
            while lane < 16, index < words.count {
                words[index] = isAdded ? words[index] &+ block[lane] : words[index] &- block[lane]
                lane += 1
                index += 1
            }
        }
    }

    @inline(__always)
    private func block(tensor: Int, number: Int) -> ChaCha20.Block {
        cipher.block(
            counter: UInt32(truncatingIfNeeded: number),
            nonce: SIMD3(UInt32(truncatingIfNeeded: tensor), UInt32(truncatingIfNeeded: number >> 32), 1))
    }
}
