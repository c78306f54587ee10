import Benchmark
import Datasets
import Foundation

/// Log-mel features of ten seconds of sound.
func sound() {
    Benchmark("log-mel: 10 s at 16 kHz, 80 bins") { (benchmark: Benchmark, input: (LogMelFilterbank, [Float])) in
        for _ in benchmark.scaledIterations { blackHole(input.0.features(of: input.1)) }
    } setup: {
        (try LogMelFilterbank(), (0..<160_000).map { Float(sin(Double($0) * 0.05) * 0.3) })
    }
}
