/// NumPy's legacy generator `numpy.random.RandomState`, seeded with a whole number.
///
/// It exists to reproduce published partitions and corruptions bit for bit; everything new draws from ``RandomStream``.
/// The words are those of the Mersenne Twister MT19937 with the initialisation `init_genrand`; every derived draw
/// follows the algorithm that NumPy has frozen for this class, so that the same seed gives the same numbers in the same
/// order.
///
/// Source: M. Matsumoto, T. Nishimura, "Mersenne Twister", ACM TOMACS 8(1), 1998, in the form of 2002.
/// The value is a plain struct: a copy continues independently from the same position.
public struct LegacyRandomState: Sendable {
    private static let size = 624
    private static let shift = 397

    private var key: [UInt32]
    private var position = size
    /// The second value of the last polar pair.
    var spareGauss: Double?

    /// The generator after `numpy.random.seed(seed)`.
    public init(seed: UInt32) {
        var key = [UInt32](repeating: 0, count: Self.size)
        var word = seed
        for index in key.indices {
            key[index] = word
            word = 1_812_433_253 &* (word ^ (word &>> 30)) &+ UInt32(index + 1)
        }
        self.key = key
    }

    /// The next 32 random bits.
    public mutating func nextUInt32() -> UInt32 {
        if position == Self.size { twist() }
        var word = key[position]
        position += 1
        word ^= word &>> 11
        word ^= (word &<< 7) & 0x9D2C_5680
        word ^= (word &<< 15) & 0xEFC6_0000
        return word ^ (word &>> 18)
    }

    /// The recurrence of the twister over the whole state.
    private mutating func twist() {
        for index in 0..<Self.size {
            let joined = (key[index] & 0x8000_0000) | (key[(index + 1) % Self.size] & 0x7FFF_FFFF)
            let odd: UInt32 = joined & 1 == 1 ? 0x9908_B0DF : 0
            key[index] = key[(index + Self.shift) % Self.size] ^ (joined &>> 1) ^ odd
        }
        position = 0
    }

    /// `random()`, also `rand()`: a uniform number in [0, 1) of 53 bits, (⌊a/2⁵⌋ · 2²⁶ + ⌊b/2⁶⌋) / 2⁵³ of two words a,
    /// b.
    public mutating func random() -> Double {
        let high = nextUInt32() &>> 5
        let low = nextUInt32() &>> 6
        return (Double(high) * 67_108_864 + Double(low)) / 9_007_199_254_740_992
    }

    /// A uniform integer in 0 ... `maximum`, by masked rejection: words (pairs of words above 2³² − 1) cut to the bits
    /// of `maximum` are drawn until one is not larger. Nothing is drawn for a maximum of 0.
    ///
    /// - Parameter maximum: at least 0; anything less is a programmer error.
    public mutating func interval(_ maximum: Int) -> Int {
        precondition(maximum >= 0, "a random interval needs a maximum of at least 0, got \(maximum)")
        guard maximum > 0 else { return 0 }
        let limit = UInt64(maximum)
        let mask = UInt64.max >> UInt64(limit.leadingZeroBitCount)
        while true {
            var word = UInt64(nextUInt32())
            if limit > UInt64(UInt32.max) { word = word << 32 | UInt64(nextUInt32()) }
            if word & mask <= limit { return Int(word & mask) }
        }
    }

    /// `shuffle(x)`: for i from the last index down to 1, swaps element i with element ``interval(_:)`` (i).
    public mutating func shuffle<Element>(_ elements: inout [Element]) {
        var index = elements.count - 1
        while index > 0 {
            elements.swapAt(index, interval(index))
            index -= 1
        }
    }

    /// `permutation(count)`: 0 ..< count, shuffled. Its first k entries are what `choice(count, k, replace=False)`
    /// draws.
    public mutating func permutation(_ count: Int) -> [Int] {
        precondition(count >= 0, "a permutation needs a count of at least 0, got \(count)")
        var order = Array(0..<count)
        shuffle(&order)
        return order
    }
}
