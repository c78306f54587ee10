internal import Foundation

/// Random words of one purpose, addressed by tensor and element, so that they do not depend on the order in which elements
/// are visited, on block sizes or on workers.
public struct NoiseStream: Sendable {
    private let cipher: ChaCha20

    init(_ cipher: ChaCha20) { self.cipher = cipher }

    /// How many normals one block of the cipher gives.
    static let normalsPerBlock = 8

    /// Adds N(0, deviation²) to the elements of a tensor from `start` on.
    ///
    /// Element e has number e mod 8 of the block at counter ⌊e/8⌋ (mod 2³², the rest in the nonce with the tensor): by Box
    /// and Muller √(−2 ln u₁)·cos(2πu₂) and ·sin(2πu₂) with u₁ = (w + 1)/2⁶⁴ and u₂ = w′/2⁶⁴. The largest value is 9.4
    /// deviations away. G. Box, M. Muller, "A note on the generation of random normal deviates", 1958.
    public func addNormals(
        tensor: Int, start: Int, deviation: Double, to values: UnsafeMutableBufferPointer<Double>
    ) {
        var index = 0
        while index < values.count {
            let element = start + index
            let normals = normals(tensor: tensor, block: element / Self.normalsPerBlock)
            var lane = element % Self.normalsPerBlock
            while lane < Self.normalsPerBlock, index < values.count {
                values[index] += deviation * normals[lane]
                lane += 1
                index += 1
            }
        }
    }

    /// One standard normal.
    public func normal(tensor: Int = 0, element: Int = 0) -> Double {
        normals(tensor: tensor, block: element / Self.normalsPerBlock)[element % Self.normalsPerBlock]
    }

    private func normals(tensor: Int, block: Int) -> SIMD8<Double> {
        let words = cipher.block(
            counter: UInt32(truncatingIfNeeded: block),
            nonce: SIMD3(UInt32(truncatingIfNeeded: tensor) & 0x7FFF_FFFF, UInt32(truncatingIfNeeded: block >> 32), 0))
        func word(_ index: Int) -> Double { Double(UInt64(words[index]) | UInt64(words[index + 1]) << 32) }
        var result = SIMD8<Double>()
        for pair in 0..<4 {
            let first = (word(4 * pair) + 1) * 0x1p-64
            let second = word(4 * pair + 2) * 0x1p-64
            let radius = (-2 * log(min(first, 1))).squareRoot()
            result[2 * pair] = radius * cos(2 * Double.pi * second)
            result[2 * pair + 1] = radius * sin(2 * Double.pi * second)
        }
        return result
    }

    /// Independent words for one element of a tensor, as many as a draw needs.
    public func words(tensor: Int = 0, element: Int = 0) -> NoiseWords {
        NoiseWords(cipher, tensor: UInt32(truncatingIfNeeded: tensor), element: UInt64(truncatingIfNeeded: element))
    }
}

/// The words of one element: blocks from counter 0 on under the nonce (tensor with its highest bit set, element).
public struct NoiseWords: RandomNumberGenerator, Sendable {
    private let cipher: ChaCha20
    private let nonce: SIMD3<UInt32>
    private var counter: UInt32 = 0
    private var block = ChaCha20.Block()
    private var used = 16

    init(_ cipher: ChaCha20, tensor: UInt32, element: UInt64) {
        self.cipher = cipher
        // The first word of normals has its highest bit clear: tensors are fewer than 2³¹.
        nonce = SIMD3(
            tensor | 0x8000_0000, UInt32(truncatingIfNeeded: element), UInt32(truncatingIfNeeded: element >> 32))
    }

    /// The next 64 bits.
    public mutating func next() -> UInt64 {
        if used == 16 {
            block = cipher.block(counter: counter, nonce: nonce)
            counter &+= 1
            used = 0
        }
        let value = UInt64(block[used]) | UInt64(block[used + 1]) << 32
        used += 2
        return value
    }

    /// A whole number from 0 to below `bound`, each equally likely, by rejection.
    mutating func below(_ bound: UInt128) -> UInt128 {
        precondition(bound > 0, "a draw needs a bound above 0")
        if bound == 1 { return 0 }
        let bits = UInt128(128 - (bound - 1).leadingZeroBitCount)
        let mask = bits >= 128 ? UInt128.max : (1 << bits) - 1
        while true {
            var value = UInt128(next())
            if bits > 64 { value |= UInt128(next()) << 64 }
            value &= mask
            if value < bound { return value }
        }
    }
}
