import Benchmark

/// Every micro-benchmark; each counts the elements or bytes of one iteration in its name.
let benchmarks: @Sendable () -> Void = {
    Benchmark.defaultConfiguration = .init(
        metrics: [.wallClock, .cpuTotal, .throughput, .peakMemoryResident],
        warmupIterations: 2,
        maxDuration: .seconds(2)
    )
    weights()
    conversions()
    randomness()
    aggregation()
    sound()
}
