import Benchmark
import Randomness

/// Draws from Philox streams, one million an iteration.
func randomness() {
    let count = 1 << 20

    func draw(_ name: String, _ kernel: @escaping (inout RandomStream, UnsafeMutableBufferPointer<Float>) -> Void) {
        Benchmark(name) { benchmark in
            var stream = RandomStream(seed: 8, purpose: "kernels")
            var values = [Float](repeating: 0, count: count)
            benchmark.startMeasurement()
            for _ in benchmark.scaledIterations {
                stream.seek(toBlock: 0)
                values.withUnsafeMutableBufferPointer { kernel(&stream, $0) }
                blackHole(values)
            }
        }
    }
    draw("Philox: uniform, 1 Mi") { $0.fillUniform($1) }
    draw("Philox: normal, 1 Mi") { $0.fillNormal($1) }
    draw("Philox: dropout mask, 1 Mi") { $0.fillDropoutMask($1, keep: 0.9) }
    Benchmark("Philox: permutation, 64 Ki") { benchmark in
        for _ in benchmark.scaledIterations {
            var stream = RandomStream(seed: 8, purpose: "kernels")
            blackHole(stream.permutation(count: 1 << 16))
        }
    }
}
