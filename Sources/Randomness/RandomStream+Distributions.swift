#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension RandomStream {
    /// A uniform number in [0, 1): the upper 53 bits of ``next()`` times 2⁻⁵³.
    @inlinable
    public mutating func uniform() -> Double {
        Double(next() &>> 11) * 0x1p-53
    }

    /// A uniform number in [0, 1): the upper 24 bits of ``nextUInt32()`` times 2⁻²⁴.
    @inlinable
    public mutating func uniformFloat() -> Float {
        Float(nextUInt32() &>> 8) * 0x1p-24
    }

    /// A uniform integer in 0 ..< `bound`, without bias.
    ///
    /// D. Lemire, "Fast random integer generation in an interval", 2019, with 64-bit draws: the expected number of
    /// draws is below 1 + bound / 2⁶⁴.
    ///
    /// - Parameter bound: at least 1; anything less is a programmer error.
    @inlinable
    public mutating func below(_ bound: Int) -> Int {
        precondition(bound > 0, "a random integer needs a bound of at least 1, got \(bound)")
        let range = UInt64(bound)
        var product = range.multipliedFullWidth(by: next())
        if product.low < range {
            let threshold = (0 &- range) % range
            while product.low < threshold {
                product = range.multipliedFullWidth(by: next())
            }
        }
        return Int(product.high)
    }

    /// A normal number with mean 0 and variance 1, by the Box-Muller transform.
    ///
    /// With u, v uniform in [0, 1): r = √(−2 ln(1 − u)), the pair is (r cos 2πv, r sin 2πv). The first is returned, the
    /// second by the next call. |x| ≤ 8.6. The last bit depends on the platform's `log`, `sin` and `cos`.
    public mutating func normal() -> Double {
        if let spare = spareNormal {
            spareNormal = nil
            return spare
        }
        let (first, second) = normalPair()
        spareNormal = second
        return first
    }

    private mutating func normalPair() -> (Double, Double) {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        let angle = 2 * Double.pi * uniform()
        return (radius * cos(angle), radius * sin(angle))
    }

    /// Fills a buffer with uniform numbers in [low, high).
    ///
    /// Element i is low + (high − low) · u with u the upper 24 bits of word i, counted from the next whole block; what
    /// was left of the current block and of the last block used is dropped. Rounding never yields `high` itself.
    ///
    /// - Parameters:
    ///   - low: the lower bound, finite.
    ///   - high: the upper bound, finite and at least `low`; with `low == high` every element is `low`.
    public mutating func fillUniform(_ buffer: UnsafeMutableBufferPointer<Float>, low: Float = 0, high: Float = 1) {
        precondition(low <= high && (high - low).isFinite, "uniform bounds must be finite and ordered: \(low), \(high)")
        let width = high - low
        // Rounding can reach `high`; the largest number below it is the limit instead.
        let limit = max(low, high.nextDown)
        fillBlocks(buffer) { word in
            min(low + width * (Float(word &>> 8) * 0x1p-24), limit)
        }
    }

    /// Fills a buffer with normal numbers, by Box-Muller in Float64 rounded to Float.
    ///
    /// Starts at the next whole block, two elements a block; an odd count drops the last half pair.
    public mutating func fillNormal(
        _ buffer: UnsafeMutableBufferPointer<Float>,
        mean: Double = 0,
        standardDeviation: Double = 1
    ) {
        used = 4
        spareNormal = nil
        var index = 0
        while index < buffer.count {
            let (first, second) = normalPair()
            buffer[index] = Float(mean + standardDeviation * first)
            if index + 1 < buffer.count {
                buffer[index + 1] = Float(mean + standardDeviation * second)
            }
            index += 2
        }
    }

    /// Fills a buffer with 0 and 1/keep, the mask of inverted dropout: an element is kept when the upper 24 bits of its
    /// word, as a number in [0, 1), are below `keep`.
    ///
    /// - Parameter keep: the probability of keeping an element, in (0, 1].
    public mutating func fillDropoutMask(_ buffer: UnsafeMutableBufferPointer<Float>, keep: Float) {
        precondition(keep > 0 && keep <= 1, "the probability of keeping must be in (0, 1], got \(keep)")
        let scale = 1 / keep
        fillBlocks(buffer) { word in
            Float(word &>> 8) * 0x1p-24 < keep ? scale : 0
        }
    }

    /// One word an element, from the next whole block on.
    @inline(__always)
    private mutating func fillBlocks(_ buffer: UnsafeMutableBufferPointer<Float>, _ value: (UInt32) -> Float) {
        used = 4
        let whole = buffer.count & ~3
        var index = 0
        while index &+ 16 <= whole, nextBlock &+ 3 <= UInt64(UInt32.max) {
            let position = SIMD4(repeating: UInt32(truncatingIfNeeded: nextBlock)) &+ SIMD4(0, 1, 2, 3)
            let words = generator.blocks(first: position, round, client, layer).words
            nextBlock &+= 4
            for block in 0..<4 {
                let place = index &+ 4 &* block
                buffer[place] = value(words.0[block])
                buffer[place &+ 1] = value(words.1[block])
                buffer[place &+ 2] = value(words.2[block])
                buffer[place &+ 3] = value(words.3[block])
            }
            index &+= 16
        }
        while index < whole {
            let block = takeBlock()
            buffer[index] = value(block.x)
            buffer[index &+ 1] = value(block.y)
            buffer[index &+ 2] = value(block.z)
            buffer[index &+ 3] = value(block.w)
            index &+= 4
        }
        if index < buffer.count {
            let block = takeBlock()
            for offset in 0..<(buffer.count - index) {
                buffer[index + offset] = value(block[offset])
            }
        }
    }
}
