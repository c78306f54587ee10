import Aggregation
import Benchmark
import Weights

/// The fold of eight updates of four million float32 values that lie in memory.
func aggregation() {
    Benchmark("fold: weighted mean of 8 × 4 Mi float32") { (benchmark: Benchmark, round: Round) throws -> Void in
        for _ in benchmark.scaledIterations {
            _ = try round.strategy.aggregate(global: round.model, updates: round.updates, sink: { blackHole($0) })
        }
    } setup: {
        try Round()
    }
}

/// A model and its updates.
struct Round {
    let model: Weights
    let updates: [any UpdateSource]
    let strategy: any AggregationStrategy

    init() throws {
        let model = try Kernels.model()
        self.model = model
        // Copies, so that no two clients' bytes are the same memory.
        updates = (0..<8).map { client in
            var update = model
            update.withUnsafeMutableBytes { $0.bindMemory(to: Float.self)[0] = Float(client) }
            return MemoryUpdateSource(clientID: "client-\(client)", examples: client + 1, update: update)
        }
        strategy = try AggregationStrategies.make(.weightedMean)
    }
}
