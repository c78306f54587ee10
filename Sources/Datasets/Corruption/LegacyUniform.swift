/// The draws of NumPy's legacy generator that the benchmark's corruption uses: `RandomState(seed)` with
/// `random_sample` and `randint`.
///
/// M. Matsumoto, T. Nishimura, "Mersenne Twister", 1998, seeded by `init_genrand`.
struct LegacyUniform {
    private var state: [UInt32]
    private var used: Int

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(624)
        for index in 1..<624 {
            let last = state[index - 1]
            state.append(1_812_433_253 &* (last ^ (last >> 30)) &+ UInt32(index))
        }
        used = 624
    }

    /// A number in [0, 1) with 53 random bits: (⌊a / 2⁵⌋ · 2²⁶ + ⌊b / 2⁶⌋) / 2⁵³ of two words a, b.
    mutating func uniform() -> Double {
        let high = Double(next() >> 5)
        let low = Double(next() >> 6)
        return (high * 67_108_864 + low) / 9_007_199_254_740_992
    }

    /// A number in 0 ..< bound: the low bits of words, until one is small enough.
    ///
    /// - Parameter bound: 1 to 2³².
    mutating func below(_ bound: Int) -> Int {
        guard bound > 1 else { return 0 }
        let mask = UInt32.max >> UInt32(bound - 1).leadingZeroBitCount
        while true {
            let value = Int(next() & mask)
            if value < bound { return value }
        }
    }

    private mutating func next() -> UInt32 {
        if used == 624 { refill() }
        var word = state[used]
        used += 1
        word ^= word >> 11
        word ^= (word << 7) & 0x9D2C_5680
        word ^= (word << 15) & 0xEFC6_0000
        return word ^ (word >> 18)
    }

    private mutating func refill() {
        for index in 0..<624 {
            let joined = (state[index] & 0x8000_0000) | (state[(index + 1) % 624] & 0x7FFF_FFFF)
            state[index] = state[(index + 397) % 624] ^ (joined >> 1) ^ (joined & 1 == 0 ? 0 : 0x9908_B0DF)
        }
        used = 0
    }
}
