import Benchmark
import Weights

/// Half precision, one million values an iteration.
func conversions() {
    let count = 1 << 20
    let values = (0..<count).map { Float($0 % 4099) / 512 - 4 }
    let halves = values.map(HalfPrecision.float16)
    let brains = values.map(HalfPrecision.bfloat16)

    func convert<Source, Target>(
        _ name: String, _ source: [Source], zero: Target, _ kernel: @escaping (Source) -> Target
    ) {
        Benchmark(name) { benchmark in
            var target = [Target](repeating: zero, count: count)
            benchmark.startMeasurement()
            for _ in benchmark.scaledIterations {
                for index in source.indices { target[index] = kernel(source[index]) }
                blackHole(target)
            }
        }
    }
    convert("half precision: float32 to float16, 1 Mi", values, zero: UInt16(0)) { HalfPrecision.float16($0) }
    convert("half precision: float16 to float32, 1 Mi", halves, zero: Float(0)) {
        HalfPrecision.float(fromFloat16: $0)
    }
    convert("half precision: float32 to bfloat16, 1 Mi", values, zero: UInt16(0)) { HalfPrecision.bfloat16($0) }
    convert("half precision: bfloat16 to float32, 1 Mi", brains, zero: Float(0)) {
        HalfPrecision.float(fromBFloat16: $0)
    }
}
