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
        // The rest of a block, whole blocks, and the beginning of one.
        let first = min(words.count, (16 - start % 16) % 16)
        let whole = (words.count - first) / 16 * 16
        apply(tensor, start, UnsafeMutableBufferPointer(rebasing: words[..<first]))
        cipher.apply(
            number: (start + first) / 16, nonce: SIMD3(UInt32(truncatingIfNeeded: tensor), 0, 1),
            to: UnsafeMutableBufferPointer(rebasing: words[first..<first + whole]), isAdded: isAdded)
        apply(tensor, start + first + whole, UnsafeMutableBufferPointer(rebasing: words[(first + whole)...]))
    }

    /// A part of one block.
    private func apply(_ tensor: Int, _ start: Int, _ words: UnsafeMutableBufferPointer<UInt32>) {
        guard !words.isEmpty else { return }
        let number = start / 16
        let block = cipher.block(
            counter: UInt32(truncatingIfNeeded: number),
            nonce: SIMD3(UInt32(truncatingIfNeeded: tensor), UInt32(truncatingIfNeeded: number >> 32), 1))
        for (index, lane) in zip(words.indices, (start % 16)...) {
            words[index] = isAdded ? words[index] &+ block[lane] : words[index] &- block[lane]
        }
    }
}
