import Testing

@testable import Weights

@Suite("16-bit floats")
struct HalfPrecisionTests {
    #if !(arch(x86_64) && os(macOS))
    @Test("every binary16 pattern converts as the processor does, and back")
    func exhaustive() {
        var wrong = 0
        for bits in UInt16.min...UInt16.max {
            let expected = Float(Float16(bitPattern: bits))
            let found = HalfPrecision.float(fromFloat16: bits)
            if expected.isNaN {
                wrong += found.isNaN ? 0 : 1
                wrong += HalfPrecision.float(fromFloat16: HalfPrecision.float16(found)).isNaN ? 0 : 1
            } else {
                wrong += found.bitPattern == expected.bitPattern ? 0 : 1
                wrong += HalfPrecision.float16(found) == bits ? 0 : 1
            }
        }
        #expect(wrong == 0)
    }

    @Test("rounding to binary16 is the processor's, from Float32 and from Float64")
    func rounding() {
        var wrong = 0
        var state: UInt64 = 1
        for index in 0..<200_000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            // Half of the values in the range of binary16, half anywhere.
            let pattern = UInt32(truncatingIfNeeded: state >> 32)
            let value =
                index % 2 == 0
                ? Float(bitPattern: pattern) : Float(bitPattern: pattern & 0x8FFF_FFFF | 0x3000_0000) * 0x1p10
            if value.isNaN { continue }
            wrong += HalfPrecision.float16(value) == Float16(value).bitPattern ? 0 : 1
            let double = Double(value) * (1 + 0x1p-40)
            wrong += HalfPrecision.float16(HalfPrecision.roundedToOdd(double)) == Float16(double).bitPattern ? 0 : 1
        }
        #expect(wrong == 0)
    }
    #endif

    @Test(
        "bfloat16 rounds to nearest even",
        arguments: [
            (Float(1), 0x3F80), (Float(bitPattern: 0x3F80_8000), 0x3F80),
            (Float(bitPattern: 0x3F81_8000), 0x3F82), (Float(bitPattern: 0x3F80_8001), 0x3F81),
            (.infinity, 0x7F80), (-.infinity, 0xFF80), (.greatestFiniteMagnitude, 0x7F80), (-0.0, 0x8000),
            (Float(bitPattern: 0x7F80_0001), 0x7FC0),
        ] as [(Float, UInt16)])
    func bfloat(value: Float, expected: UInt16) {
        #expect(HalfPrecision.bfloat16(value) == expected)
    }

    @Test("Float64 is rounded to 16 bits once")
    func once() {
        // Just above the middle between 1 and the next bfloat16; Float32 would round it onto the middle, then to even.
        let value = 1 + 0x1p-8 + 0x1p-40
        #expect(HalfPrecision.bfloat16(Float(value)) == 0x3F80)
        #expect(HalfPrecision.bfloat16(HalfPrecision.roundedToOdd(value)) == 0x3F81)
        #expect(HalfPrecision.roundedToOdd(1.5) == 1.5)
        #expect(HalfPrecision.float16(HalfPrecision.roundedToOdd(1e300)) == 0x7C00)
        #expect(HalfPrecision.bfloat16(HalfPrecision.roundedToOdd(-1e300)) == 0xFF80)
        #expect(HalfPrecision.float16(HalfPrecision.roundedToOdd(-1e-300)) == 0x8000)
        #expect(HalfPrecision.roundedToOdd(.nan).isNaN)
    }

    @Test("storing Float64 rounds once in every type")
    func store() {
        for (dtype, expected) in [(DType.f32, []), (.bf16, [129, 63]), (.f64, [])] as [(DType, [UInt8])] {
            let values = [1 + 0x1p-8 + 0x1p-40]
            var bytes = [UInt64](repeating: 0, count: 1)
            bytes.withUnsafeMutableBytes { target in
                values.withUnsafeBufferPointer { FloatConversion.store($0, as: dtype, into: target) }
                var back = [0.0]
                back.withUnsafeMutableBufferPointer {
                    FloatConversion.doubles(from: UnsafeRawBufferPointer(target), as: dtype, into: $0)
                }
                switch dtype {
                case .f64: #expect(back == values)
                case .f32: #expect(back == [Double(Float(values[0]))])
                default: #expect(Array(target[..<expected.count]) == expected)
                }
            }
        }
    }
}
