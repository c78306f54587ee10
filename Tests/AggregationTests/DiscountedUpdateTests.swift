import Testing
import Weights

@testable import Aggregation

@Suite("Discounted updates")
struct DiscountedUpdateTests {
    @Test("floats are multiplied, values of other types are not, and a mean stays one of the discounted")
    func factor() throws {
        let schema = try WeightsSchema([
            TensorSpec(name: "a", dtype: .f32, shape: [4]), TensorSpec(name: "steps", dtype: .i64, shape: [1]),
        ])
        var update = Weights(zeros: schema)
        try update.setFloats("a", [1, -2, 0.1, 3])
        try update.withUnsafeMutableBytes(of: "steps") { $0[0] = 7 }
        let source = MemoryUpdateSource(clientID: "x", examples: 3, update: update)
        let discounted = DiscountedUpdate(source, factor: 0.5)
        #expect((discounted.clientID, discounted.examples) == ("x", 3))
        var block = [Float](repeating: 0, count: 2)
        // A block in the middle.
        try block.withUnsafeMutableBytes {
            try discounted.readBlock(tensor: schema.index(of: "a") ?? 0, byteOffset: 4, into: $0)
        }
        #expect(block == [-1, 0.05])
        var steps: [Int64] = [0]
        try steps.withUnsafeMutableBytes {
            try discounted.readBlock(tensor: schema.index(of: "steps") ?? 1, byteOffset: 0, into: $0)
        }
        #expect(steps == [7])
    }

    @Test("a fold of a fresh and a stale update is that of FedBuff")
    func fold() throws {
        let global = try Weights([(name: "a", shape: [2], values: [1, 2])])
        let fresh = try Weights([(name: "a", shape: [2], values: [1, 0])])
        let stale = try Weights([(name: "a", shape: [2], values: [0, 4])])
        let updates: [any UpdateSource] = [
            MemoryUpdateSource(clientID: "x", examples: 1, update: fresh),
            DiscountedUpdate(MemoryUpdateSource(clientID: "y", examples: 1, update: stale), factor: 0.5),
        ]
        // w + (1/2)(1 · Δx + 0.5 · Δy)
        let next = try AggregationStrategies.make(.weightedMean).aggregate(global: global, updates: updates)
        #expect(try next.floats("a") == [1.5, 3])
    }
}
