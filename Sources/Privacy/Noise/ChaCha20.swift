internal import CKernels

/// The block function of ChaCha20: 64 bytes of key stream for a 256-bit key, a 96-bit nonce and a 32-bit counter.
///
/// Y. Nir, A. Langley, "ChaCha20 and Poly1305 for IETF protocols", RFC 8439, section 2.3.
public struct ChaCha20: Sendable {
    /// Sixteen little-endian words of key stream.
    public typealias Block = SIMD16<UInt32>

    private let key: SIMD8<UInt32>

    /// A stream under a key of 32 bytes.
    public init(key: [UInt8]) {
        precondition(key.count == 32, "ChaCha20 needs a key of 32 bytes, found \(key.count)")
        var words = SIMD8<UInt32>()
        for index in 0..<8 {
            for byte in 0..<4 { words[index] |= UInt32(key[index * 4 + byte]) << UInt32(8 * byte) }
        }
        self.key = words
    }

    /// One block.
    public func block(counter: UInt32, nonce: SIMD3<UInt32>) -> Block {
        let constant = SIMD4<UInt32>(0x6170_7865, 0x3320_646E, 0x7962_2D32, 0x6B20_6574)
        let first = constant
        let second = key.lowHalf
        let third = key.highHalf
        let fourth = SIMD4<UInt32>(counter, nonce.x, nonce.y, nonce.z)
        var (a, b, c, d) = (first, second, third, fourth)
        for _ in 0..<10 {
            Self.quarters(&a, &b, &c, &d)
            // The diagonals: rotate the rows, do the columns, rotate back.
            b = SIMD4(b[1], b[2], b[3], b[0])
            c = SIMD4(c[2], c[3], c[0], c[1])
            d = SIMD4(d[3], d[0], d[1], d[2])
            Self.quarters(&a, &b, &c, &d)
            b = SIMD4(b[3], b[0], b[1], b[2])
            c = SIMD4(c[2], c[3], c[0], c[1])
            d = SIMD4(d[1], d[2], d[3], d[0])
        }
        return SIMD16(
            lowHalf: SIMD8(lowHalf: a &+ first, highHalf: b &+ second),
            highHalf: SIMD8(lowHalf: c &+ third, highHalf: d &+ fourth))
    }

    /// Adds the key stream to whole blocks of sixteen words, or takes it away, modulo 2³²: several blocks at a time. Word i has word
    /// i mod 16 of ``block(counter:nonce:)``, for block number n = `number` + ⌊i / 16⌋ under the counter n mod 2³² and the nonce
    /// with ⌊n / 2³²⌋ added to its second word.
    func apply(
        number: Int, nonce: SIMD3<UInt32>, to words: UnsafeMutableBufferPointer<UInt32>, isAdded: Bool
    ) {
        precondition(words.count.isMultiple(of: 16), "whole blocks of 16 words, found \(words.count) words")
        guard let base = words.baseAddress else { return }
        let state = [
            key[0], key[1], key[2], key[3], key[4], key[5], key[6], key[7], nonce.x, nonce.y, nonce.z,
        ]
        state.withUnsafeBufferPointer { state in
            guard let start = state.baseAddress else { return }
            ck_chacha20(start, start + 8, UInt64(number), base, words.count / 16, isAdded ? 0 : 1)
        }
    }

    @inline(__always)
    private static func quarters(
        _ a: inout SIMD4<UInt32>, _ b: inout SIMD4<UInt32>, _ c: inout SIMD4<UInt32>, _ d: inout SIMD4<UInt32>
    ) {
        a = a &+ b
        d = rotate(d ^ a, 16)
        c = c &+ d
        b = rotate(b ^ c, 12)
        a = a &+ b
        d = rotate(d ^ a, 8)
        c = c &+ d
        b = rotate(b ^ c, 7)
    }

    @inline(__always)
    private static func rotate(_ value: SIMD4<UInt32>, _ bits: UInt32) -> SIMD4<UInt32> {
        (value &<< bits) | (value &>> (32 - bits))
    }
}
