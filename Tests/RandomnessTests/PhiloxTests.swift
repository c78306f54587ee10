import Randomness
import Testing

@Suite("Philox4x32-10")
struct PhiloxTests {
    /// The known-answer vectors of Random123 1.09 (`kat_vectors`, philox4x32 10).
    @Test(arguments: [
        (
            SIMD4<UInt32>(0, 0, 0, 0), SIMD2<UInt32>(0, 0),
            SIMD4<UInt32>(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8)
        ),
        (
            SIMD4<UInt32>(repeating: 0xFFFF_FFFF), SIMD2<UInt32>(repeating: 0xFFFF_FFFF),
            SIMD4<UInt32>(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD)
        ),
        (
            SIMD4<UInt32>(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344),
            SIMD2<UInt32>(0xA409_3822, 0x299F_31D0),
            SIMD4<UInt32>(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1)
        ),
    ])
    func publishedVectors(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>) {
        #expect(Philox4x32(key: key).block(counter) == expected)
    }

    @Test("the stream is the blocks of (position, round, client, layer) in order")
    func streamLayout() {
        let key = RandomStream.key(seed: 42, purpose: "dropout")
        let generator = Philox4x32(key: key)
        var stream = RandomStream(seed: 42, purpose: "dropout", round: 3, client: 7, layer: 9)
        for position in 0..<5 as Range<UInt32> {
            let block = generator.block(SIMD4(position, 3, 7, 9))
            for word in 0..<4 { #expect(stream.nextUInt32() == block[word]) }
        }
        let block = generator.block(SIMD4(5, 3, 7, 9))
        #expect(stream.next() == UInt64(block.y) << 32 | UInt64(block.x))
    }

    @Test("the key is fixed for ever")
    func key() {
        // Computed by an independent implementation in Python.
        #expect(RandomStream.key(seed: 0, purpose: "") == 0xAEBE_53F8_5CDC_3C4C)
        #expect(RandomStream.key(seed: 1, purpose: "cohort") == 0x597E_9715_9AC9_DA29)
        #expect(RandomStream.key(seed: .max, purpose: "größe") == 0x0204_F56E_5879_8AA2)
    }

    @Test("seeking gives what drawing whole blocks would")
    func seek() {
        var drawn = RandomStream(seed: 1, purpose: "x")
        for _ in 0..<40 { _ = drawn.nextUInt32() }
        var sought = RandomStream(seed: 1, purpose: "x")
        _ = sought.normal()
        sought.seek(toBlock: 10)
        #expect(sought.next() == drawn.next())
        var last = RandomStream(seed: 1, purpose: "x")
        last.seek(toBlock: .max)
        let block = Philox4x32(key: RandomStream.key(seed: 1, purpose: "x")).block(SIMD4(.max, 0, 0, 0))
        for word in 0..<4 { #expect(last.nextUInt32() == block[word]) }
    }

    @Test("more than 2^32 blocks trap")
    func exhausted() async {
        await #expect(processExitsWith: .failure) {
            var stream = RandomStream(seed: 1, purpose: "x")
            stream.seek(toBlock: .max)
            for _ in 0..<5 { _ = stream.nextUInt32() }
        }
    }
}
